import { describe, expect, it } from 'vitest';

import { append, connect, duplicate, EXIT, fresh, freshId, insert, type Plan, remove, rename, summary, ways } from './plan';

const plan: Plan = {
  triggers: [{ kind: 'event', event: 'Signed Up' }],
  steps: {
    hello: { kind: 'message', template: 'hello' },
    calm: { kind: 'wait', for: '1d' },
    which: { kind: 'branch', paths: [{ when: 'logins > 1', go: 'busy', name: 'busy' }] },
    quiet: { kind: 'message', template: 'quiet', next: EXIT },
    busy: { kind: 'message', template: 'busy' },
  },
};
const leads = (held: Plan) => Object.fromEntries(Object.keys(held.steps).map((id) => [id, ways(held, id).map((way) => way.to)]));

describe('a plan', () => {
  it('goes on in written order unless a step says otherwise', () => {
    expect(leads(plan)).toEqual({ hello: ['calm'], calm: ['which'], which: ['busy', 'quiet'], quiet: [EXIT], busy: [EXIT] });
  });
  it('takes a step in on one way and leaves all others as they were', () => {
    const made = insert(plan, { from: 'which', fields: ['paths.0.go'] }, 'pause', fresh('wait'));
    expect(leads(made)).toEqual({
      hello: ['calm'], calm: ['which'], which: ['pause', 'quiet'], pause: ['busy'], quiet: [EXIT], busy: [EXIT],
    });
  });
  it('takes a step in before the first', () => {
    const made = insert(plan, { from: null, fields: [] }, 'first', fresh('wait'));
    expect(Object.keys(made.steps)[0]).toBe('first');
    expect(leads(made).first).toEqual(['hello']);
  });
  it('closes over a step that is taken out', () => {
    expect(leads(remove(plan, 'calm'))).toEqual({ hello: ['which'], which: ['busy', 'quiet'], quiet: [EXIT], busy: [EXIT] });
    expect(leads(remove(plan, 'hello'))).toEqual({ calm: ['which'], which: ['busy', 'quiet'], quiet: [EXIT], busy: [EXIT] });
    expect(leads(remove(plan, 'which'))).toEqual({ hello: ['calm'], calm: ['quiet'], quiet: [EXIT], busy: [EXIT] });
  });
  it('writes nothing down that its order says anyway', () => {
    const there = insert(plan, { from: 'hello', fields: ['next'] }, 'pause', fresh('wait'));
    expect(remove(there, 'pause')).toEqual(plan);
    expect(connect(connect(plan, 'hello', ['next'], 'busy'), 'hello', ['next'], 'calm')).toEqual(plan);
  });
  it('renames a step with everything that leads to it', () => {
    expect(leads(rename(plan, 'busy', 'eager')).which).toEqual(['eager', 'quiet']);
    expect(rename(plan, 'busy', 'quiet')).toBe(plan);
  });
  it('puts a copy behind the step itself', () => {
    const made = duplicate(plan, 'hello');
    expect(made.id).toBe('hello_2');
    expect(leads(made.plan)).toMatchObject({ hello: ['hello_2'], hello_2: ['calm'] });
  });
  it('adds a step to an empty plan', () => {
    const made = append({ triggers: [], steps: {} }, 'wait', fresh('wait'));
    expect(leads(made)).toEqual({ wait: [EXIT] });
    expect(freshId(made, 'wait')).toBe('wait_2');
  });
  it('says what a wait waits for', () => {
    expect(summary({ kind: 'wait', paths: [{ event: 'Offer Returned' }], timeout: '3d' })).toEqual({
      word: 'wait_or', values: { what: 'Offer Returned', time: '3d' },
    });
  });
});
