import '@xyflow/react/dist/base.css';
import './canvas.css';

import { ActionIcon, Badge, Menu, Text, ThemeIcon, Tooltip, useComputedColorScheme } from '@mantine/core';
import { IconAlertCircle, IconAlertTriangle, IconBolt, IconFlag, IconFocusCentered, IconMinus, IconPlus, IconUsers } from '@tabler/icons-react';
import {
  Background, BaseEdge, type Connection, type Edge, EdgeLabelRenderer, type EdgeProps, Handle, MiniMap, type Node, type NodeProps, Panel, Position, ReactFlow,
  ReactFlowProvider, useReactFlow,
} from '@xyflow/react';
import { createContext, memo, type KeyboardEvent, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { drawnPath, endOf, type Line, neighbour, type Picture, picture, RULES, TRIGGER } from './graph';
import { LOOKS, OTHER } from './kinds';
import { type Fields, type Label, type Plan, type Spot, type Step, summary, triggerText, ways } from './plan';

/** What stands at a step beside its content. */
export interface Marks {
  here: Record<string, number>;
  passed: Record<string, number>;
  errors: Record<string, number>;
  warnings: Record<string, number>;
  walked: Set<string>;
}
export interface Kinds { tag: string; title: string; description?: string }

interface Acts {
  plan: Plan;
  marks: Marks;
  selected: string | null;
  editable: boolean;
  select: (id: string | null, open?: boolean) => void;
  ask: (spot: Spot, at: Element) => void;
}
const Drawing = createContext<Acts | null>(null);
function useDrawing(): Acts {
  const held = useContext(Drawing);
  if (held === null) throw new Error('outside of a canvas');
  return held;
}

/** A label of the plan in words. */
export function useSaid(): (label: Label) => string {
  const { t } = useTranslation('journeys');
  return useCallback((label: Label) => (label.word === 'said' ? (label.values?.text ?? '') : t(`said.${label.word}`, label.values ?? {})), [t]);
}

interface Props {
  plan: Plan;
  marks: Marks;
  kinds: Kinds[];
  selected: string | null;
  editable: boolean;
  onSelect: (id: string | null, open?: boolean) => void;
  onAdd: (spot: Spot, kind: string) => void;
  onConnect: (from: string, fields: string[], to: string) => void;
  onRemove: (id: string) => void;
  onDuplicate: (id: string) => void;
  onUndo: () => void;
  onRedo: () => void;
}

export function Canvas(props: Props) {
  return <ReactFlowProvider><Drawn {...props} /></ReactFlowProvider>;
}

const NODES = { step: memo(StepBox), trigger: memo(TriggerBox), rules: memo(RulesBox), end: memo(EndBox) };
const EDGES = { way: memo(WayLine) };

function Drawn(props: Props) {
  const { plan, marks, kinds, selected, editable, onSelect, onAdd, onConnect, onRemove, onDuplicate, onUndo, onRedo } = props;
  const { t } = useTranslation('journeys');
  const said = useSaid();
  const flow = useReactFlow();
  const dark = useComputedColorScheme('light') === 'dark';
  const [adding, setAdding] = useState<{ spot: Spot; x: number; y: number } | null>(null);
  const [choosing, setChoosing] = useState<{ from: string; to: string } | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  // The picture depends on the shape of the plan alone, not on what is written inside a step.
  const shapeKey = useMemo(() => JSON.stringify([plan.triggers.length, Object.keys(plan.steps).map((id) => [id, ways(plan, id)])]), [plan]);
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const drawn: Picture = useMemo(() => {
    const start = performance.now();
    const made = picture(plan);
    performance.measure('canvas layout', { start, end: performance.now() });
    return made;
  }, [shapeKey]);
  const nodes = useMemo<Node[]>(() => drawn.boxes.map((box) => ({
    id: box.id, type: box.kind, position: { x: box.x, y: box.y }, width: box.width, height: box.height, data: {}, draggable: false, focusable: false,
    selectable: false, handles: [
      { type: 'target' as const, position: Position.Top, x: box.width / 2, y: 0, width: 1, height: 1 },
      { type: 'source' as const, position: Position.Bottom, x: box.width / 2, y: box.height, width: 1, height: 1 },
    ],
  })), [drawn]);
  const edges = useMemo<Edge[]>(() => drawn.lines.map((line) => ({
    id: line.id, source: line.from, target: line.to, type: 'way', data: { line }, focusable: false, reconnectable: editable && line.from !== TRIGGER ? 'target' : false,
  })), [drawn, editable]);

  const select = useCallback((id: string | null, open = false) => onSelect(id, open), [onSelect]);
  const focusOn = useCallback((id: string) => {
    const box = drawn.boxes.find((one) => one.id === id);
    if (box === undefined) return;
    const view = flow.getViewport();
    const around = frame.current?.getBoundingClientRect();
    if (around === undefined) return;
    const left = box.x * view.zoom + view.x;
    const top = box.y * view.zoom + view.y;
    const inside = left >= 0 && top >= 0 && left + box.width * view.zoom <= around.width && top + box.height * view.zoom <= around.height;
    if (!inside) void flow.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: view.zoom });
  }, [drawn, flow]);
  useEffect(() => {
    if (selected === null) return;
    focusOn(selected);
    // Keys go on from where one is, unless somebody writes in the panel.
    if (frame.current?.contains(document.activeElement) === true || document.activeElement === document.body) {
      requestAnimationFrame(() => frame.current?.querySelector<HTMLElement>(`[data-box="${CSS.escape(selected)}"]`)?.focus({ preventScroll: true }));
    }
  }, [selected, focusOn]);
  // What had the keys may be gone: they stay with the canvas.
  useEffect(() => {
    if (began.current && document.activeElement === document.body) frame.current?.focus({ preventScroll: true });
  }, [plan]);
  const began = useRef(false);
  useEffect(() => {
    if (began.current) return;
    began.current = true;
    // A long journey begins at its beginning, legible; a short one is shown whole.
    requestAnimationFrame(() => {
      const around = frame.current?.getBoundingClientRect();
      const trigger = drawn.boxes.find((box) => box.id === TRIGGER);
      if (around === undefined || trigger === undefined) return;
      const tall = Math.max(...drawn.boxes.map((box) => box.y + box.height));
      const wide = Math.max(...drawn.boxes.map((box) => box.x + box.width)) - Math.min(...drawn.boxes.map((box) => box.x));
      const zoom = Math.min(1, (around.height - 60) / tall, (around.width - 60) / wide);
      if (zoom >= 0.6) void flow.fitView({ padding: 0.1, maxZoom: 1 });
      else void flow.setViewport({ x: around.width / 2 - (trigger.x + trigger.width / 2) * 0.8, y: 24 - trigger.y * 0.8, zoom: 0.8 });
    });
  }, [drawn, flow]);

  const connected = useCallback((from: string, to: string) => {
    const leading = drawn.lines.filter((line) => line.from === from).flatMap((line) => line.fields);
    if (to.startsWith('(') || from.startsWith('(') || leading.length === 0) return;
    if (leading.length === 1) onConnect(from, leading, to);
    else setChoosing({ from, to });
  }, [drawn, onConnect]);

  const ask = useCallback((spot: Spot, at: Element) => {
    const around = frame.current?.getBoundingClientRect();
    const here = at.getBoundingClientRect();
    if (around !== undefined) setAdding({ spot, x: here.left + here.width / 2 - around.left, y: Math.min(here.bottom - around.top, around.height * 0.6) });
  }, []);
  const keyed = (event: KeyboardEvent<HTMLDivElement>) => {
    const target = event.target as HTMLElement;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest('[role=menu]') !== null) return;
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key.toLowerCase() === 'z') (event.shiftKey ? onRedo : onUndo)();
    else if (control && event.key.toLowerCase() === 'y') onRedo();
    else if (control || event.altKey) return;
    else if (event.key.startsWith('Arrow')) {
      const to = selected === null ? TRIGGER : neighbour(drawn, selected, event.key);
      if (to !== null) select(to);
    } else if (event.key === 'Enter' && selected !== null) select(selected, true);
    else if ((event.key === 'Delete' || event.key === 'Backspace') && selected !== null && selected in plan.steps && editable) onRemove(selected);
    else if (event.key === 'd' && selected !== null && selected in plan.steps && editable) onDuplicate(selected);
    else if (event.key === 'a' && editable) {
      const spot = spotAfter(drawn, selected ?? TRIGGER);
      if (spot !== null) ask(spot, target.closest('.box') ?? event.currentTarget);
    }
    else if (event.key === 'Escape') select(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const acts = useMemo<Acts>(() => ({ plan, marks, selected, editable, select, ask }), [plan, marks, selected, editable, select, ask]);
  return (
    <Drawing value={acts}>
      <div ref={frame} className="canvas" tabIndex={-1} onKeyDown={keyed} role="group" aria-label={t('canvas.label')} aria-describedby="canvas-keys">
        <span id="canvas-keys" className="unseen">{t('canvas.keys')}</span>
        <ReactFlow
          nodes={nodes} edges={edges} nodeTypes={NODES} edgeTypes={EDGES} colorMode={dark ? 'dark' : 'light'} minZoom={0.1} maxZoom={1.6}
          nodesDraggable={false} nodesFocusable={false} edgesFocusable={false} disableKeyboardA11y elementsSelectable={false} nodesConnectable={editable}
          onlyRenderVisibleElements={drawn.boxes.length > 60} panOnScroll zoomOnDoubleClick={false} deleteKeyCode={null} selectionKeyCode={null} multiSelectionKeyCode={null} panActivationKeyCode={null}
          onNodeClick={(_, node) => { if (node.type !== 'end') select(node.id, true); }} onPaneClick={() => select(null)}
          onConnect={(made: Connection) => connected(made.source, made.target)}
          onReconnect={(edge, made) => { const line = (edge.data as { line: Line }).line; if (!made.target.startsWith('(')) onConnect(line.from, line.fields, made.target); }}
          proOptions={{ hideAttribution: true }} fitViewOptions={{ maxZoom: 1 }} ariaLabelConfig={{ 'node.a11yDescription.default': '', 'edge.a11yDescription.default': '' }}
        >
          <Background gap={24} size={1} />
          {drawn.boxes.length > 30 && <MiniMap pannable zoomable ariaLabel={t('canvas.map')} className="minimap" />}
          <Panel position="bottom-left"><Zooms /></Panel>
        </ReactFlow>
        <Menu opened={adding !== null} onClose={() => setAdding(null)} position="bottom" withinPortal trapFocus>
          <Menu.Target><button type="button" aria-hidden tabIndex={-1} className="anchor" style={{ left: adding?.x ?? 0, top: adding?.y ?? 0 }} /></Menu.Target>
          <Menu.Dropdown mah={380} style={{ overflowY: 'auto' }} aria-label={t('canvas.add')}>
            {adding !== null && <KindItems kinds={kinds} onPick={(kind) => { setAdding(null); onAdd(adding.spot, kind); }} />}
          </Menu.Dropdown>
        </Menu>
        <Menu opened={choosing !== null} onClose={() => setChoosing(null)} position="bottom" withinPortal trapFocus>
          <Menu.Target><button type="button" aria-hidden tabIndex={-1} className="anchor" /></Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{t('canvas.which_way')}</Menu.Label>
            {choosing !== null && drawn.lines.filter((line) => line.from === choosing.from).flatMap((line) => line.fields.map((field, place) => (
              <Menu.Item key={field} onClick={() => onConnect(choosing.from, [field], choosing.to)}>{said(line.labels[place] ?? { word: 'next' })}</Menu.Item>
            )))}
          </Menu.Dropdown>
        </Menu>
      </div>
    </Drawing>
  );
}

/** Where `a` adds: on the last way on of a box. */
function spotAfter(drawn: Picture, id: string): Spot | null {
  if (id === TRIGGER || id === RULES) return { from: null, fields: [] };
  const line = drawn.lines.filter((one) => one.from === id).at(-1);
  return line === undefined ? null : { from: id, fields: line.fields };
}

function Zooms() {
  const { t } = useTranslation('journeys');
  const flow = useReactFlow();
  return (
    <ActionIcon.Group orientation="vertical">
      <ActionIcon variant="default" aria-label={t('canvas.in')} onClick={() => void flow.zoomIn()}><IconPlus size={16} /></ActionIcon>
      <ActionIcon variant="default" aria-label={t('canvas.out')} onClick={() => void flow.zoomOut()}><IconMinus size={16} /></ActionIcon>
      <ActionIcon variant="default" aria-label={t('canvas.fit')} onClick={() => void flow.fitView({ padding: 0.1, maxZoom: 1 })}><IconFocusCentered size={16} /></ActionIcon>
    </ActionIcon.Group>
  );
}

function KindItems({ kinds, onPick }: { kinds: Kinds[]; onPick: (kind: string) => void }) {
  const { t, i18n } = useTranslation('journeys');
  return kinds.map((kind) => {
    const look = LOOKS[kind.tag] ?? OTHER;
    const label = i18n.exists(`journeys:kinds.${kind.tag}`) ? t(`kinds.${kind.tag}`) : kind.title;
    return (
      <Menu.Item key={kind.tag} leftSection={<ThemeIcon size={22} variant="light" color={look.colour}><look.icon size={14} aria-hidden /></ThemeIcon>} onClick={() => onPick(kind.tag)}>
        {label}
      </Menu.Item>
    );
  });
}

// ------------------------------------------------------------------------------------------------------- boxes

function Handles({ source = true, target = true }: { source?: boolean; target?: boolean }) {
  const { editable } = useDrawing();
  return (
    <>
      {target && <Handle type="target" position={Position.Top} isConnectable={editable} />}
      {source && <Handle type="source" position={Position.Bottom} isConnectable={editable} />}
    </>
  );
}

function StepBox({ id }: NodeProps) {
  const { plan, marks, selected } = useDrawing();
  const { t, i18n } = useTranslation('journeys');
  const said = useSaid();
  const step: Step | undefined = plan.steps[id];
  if (step === undefined) return null;
  const look = LOOKS[step.kind] ?? OTHER;
  const { [id]: here } = marks.here;
  const errors = marks.errors[id] ?? 0;
  const warnings = marks.warnings[id] ?? 0;
  const kind = i18n.exists(`journeys:kinds.${step.kind}`) ? t(`kinds.${step.kind}`) : step.kind;
  const line = said(summary(step));
  const title = step.title || id.replaceAll('_', ' ');
  const spoken = [here !== undefined && here > 0 ? t('canvas.here', { count: here }) : '', errors > 0 ? t('canvas.errors', { count: errors }) : '', warnings > 0 ? t('canvas.warnings', { count: warnings }) : ''].filter((part) => part !== '').join('. ');
  return (
    <>
      <Handles source={step.kind !== 'exit'} />
      <button type="button" className="box" data-box={id} data-selected={selected === id || undefined} data-walked={marks.walked.has(id) || undefined} data-error={errors > 0 || undefined} tabIndex={selected === id ? 0 : -1} aria-pressed={selected === id}>
        <span className="unseen">{kind}: </span>
        <ThemeIcon size={30} variant="light" color={look.colour}><look.icon size={17} aria-hidden /></ThemeIcon>
        <span className="words">
          <Text size="sm" fw={600} truncate component="span" display="block">{title}</Text>
          <Text size="xs" c="dimmed" truncate component="span" display="block">{line}</Text>
        </span>
        {spoken !== '' && <span className="unseen">. {spoken}</span>}
        <span className="marks" aria-hidden>
          {errors > 0 && <IconAlertCircle size={16} color="var(--mantine-color-error)" aria-hidden />}
          {errors === 0 && warnings > 0 && <IconAlertTriangle size={16} color="var(--mantine-color-yellow-filled)" aria-hidden />}
          {here !== undefined && here > 0 && <Badge size="sm" variant="light" leftSection={<IconUsers size={11} aria-hidden />} className="numbers">{here.toLocaleString()}</Badge>}
        </span>
      </button>
    </>
  );
}

function TriggerBox({ id }: NodeProps) {
  const { plan, selected, marks } = useDrawing();
  const { t } = useTranslation('journeys');
  const said = useSaid();
  const lines = plan.triggers.map((one) => said(triggerText(one)));
  const errors = marks.errors[TRIGGER] ?? 0;
  return (
    <>
      <Handles target={false} />
      <button type="button" className="box" data-box={id} data-selected={selected === id || undefined} data-error={errors > 0 || undefined} tabIndex={selected === id || selected === null ? 0 : -1} aria-pressed={selected === id}>
        <ThemeIcon size={30} variant="light" color="yellow"><IconBolt size={17} aria-hidden /></ThemeIcon>
        <span className="words">
          <Text size="sm" fw={600} component="span" display="block">{t('canvas.trigger')}</Text>
          {lines.length === 0 && <Text size="xs" c="dimmed" component="span" display="block">{t('canvas.no_trigger')}</Text>}
          {lines.slice(0, 4).map((line, place) => <Text key={place} size="xs" c="dimmed" truncate component="span" display="block">{line}</Text>)}
        </span>
        {errors > 0 && <IconAlertCircle size={16} color="var(--mantine-color-error)" aria-hidden />}
      </button>
    </>
  );
}

function RulesBox({ id }: NodeProps) {
  const { plan, selected, marks } = useDrawing();
  const { t } = useTranslation('journeys');
  const goals = Object.keys((plan.goals ?? {}) as Record<string, Fields>);
  const exits = (plan.exits ?? []).length;
  const line = [goals.length > 0 ? t('canvas.goals', { goals: goals.join(', ') }) : '', exits > 0 ? t('canvas.exits', { count: exits }) : ''].filter((one) => one !== '').join(' · ') || t('canvas.no_rules');
  const errors = marks.errors[RULES] ?? 0;
  return (
    <button type="button" className="box rules" data-box={id} data-selected={selected === id || undefined} data-error={errors > 0 || undefined} tabIndex={selected === id ? 0 : -1} aria-pressed={selected === id}>
      <ThemeIcon size={30} variant="light" color="teal"><IconFlag size={17} aria-hidden /></ThemeIcon>
      <span className="words">
        <Text size="sm" fw={600} component="span" display="block">{t('canvas.rules')}</Text>
        <Text size="xs" c="dimmed" truncate component="span" display="block">{line}</Text>
      </span>
      {errors > 0 && <IconAlertCircle size={16} color="var(--mantine-color-error)" aria-hidden />}
    </button>
  );
}

function EndBox() {
  const { t } = useTranslation('journeys');
  return <><Handles source={false} /><div className="end">{t('canvas.end')}</div></>;
}

// ------------------------------------------------------------------------------------------------------- lines

function WayLine({ sourceX, sourceY, targetX, targetY, data }: EdgeProps) {
  const { line } = data as unknown as { line: Line };
  const { editable, ask, marks } = useDrawing();
  const { t } = useTranslation('journeys');
  const said = useSaid();
  // A step that leads to itself has no way of its own in the layout: a bow beside it.
  const own = line.points.length === 0;
  const path = own
    ? `M ${sourceX} ${sourceY} C ${sourceX + 220} ${sourceY + 60}, ${targetX + 220} ${targetY - 60}, ${targetX} ${targetY}`
    : drawnPath(line.points, { x: sourceX, y: sourceY }, { x: targetX, y: targetY });
  const { x, y } = own ? { x: sourceX + 165, y: (sourceY + targetY) / 2 } : line.at;
  const words = line.labels.filter((label) => label.word !== 'next').map(said).filter((word) => word !== '');
  const walked = marks.walked.has(line.from) && (marks.walked.has(line.to) || line.to === endOf(line.from));
  return (
    <>
      <BaseEdge path={path} markerEnd="" className={walked ? 'walked' : undefined} strokeDasharray={line.loops ? '5 4' : undefined} />
      <EdgeLabelRenderer>
        <div className="way nodrag nopan" style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>
          {words.length > 0 && <span className="label" title={words.join(' / ')}>{words.join(' / ')}</span>}
          {editable && (
            <button
              type="button" className="plus" tabIndex={-1} onClick={(event) => ask(line.from === TRIGGER ? { from: null, fields: [] } : { from: line.from, fields: line.fields }, event.currentTarget)}
              aria-label={t('canvas.insert', { from: line.from === TRIGGER ? t('canvas.trigger') : line.from, to: line.to.startsWith('(') ? t('canvas.end') : line.to })}
            >
              <IconPlus size={12} aria-hidden />
            </button>
          )}
        </div>
      </EdgeLabelRenderer>
    </>
  );
}

/** A button that adds, for those who look for one. */
export function AddButton({ kinds, onPick }: { kinds: Kinds[]; onPick: (kind: string) => void }) {
  const { t } = useTranslation('journeys');
  return (
    <Menu position="bottom-start" withinPortal trapFocus>
      <Menu.Target><Tooltip label={t('canvas.add_key')}><ActionIcon variant="default" aria-label={t('canvas.add')}><IconPlus size={16} /></ActionIcon></Tooltip></Menu.Target>
      <Menu.Dropdown mah={380} style={{ overflowY: 'auto' }}><KindItems kinds={kinds} onPick={onPick} /></Menu.Dropdown>
    </Menu>
  );
}
