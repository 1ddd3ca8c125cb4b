import { useEffect } from 'react';
import { useNavigate } from 'react-router';

import { areas } from '../areas';

const WAIT_MS = 900;

/** Whether keys now belong to a field, and not to the page. */
export function typing(target: EventTarget | null): boolean {
  const element = target instanceof HTMLElement ? target : null;
  return element !== null && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
}

/** `g` and then the letter of a place goes there. */
export function useGoKeys(): void {
  const go = useNavigate();
  useEffect(() => {
    let since = 0;
    const heard = (event: KeyboardEvent) => {
      if (typing(event.target) || event.metaKey || event.ctrlKey || event.altKey) return;
      if (event.key === 'g') {
        since = event.timeStamp;
        return;
      }
      const place = event.timeStamp - since < WAIT_MS ? areas.find((area) => area.key === event.key) : undefined;
      since = 0;
      if (place !== undefined) {
        event.preventDefault();
        void go(place.path);
      }
    };
    window.addEventListener('keydown', heard);
    return () => window.removeEventListener('keydown', heard);
  }, [go]);
}
