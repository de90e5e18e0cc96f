import type { DesiredStateEvent } from '../../events/desired-state-event.ts';
import { type ParsedDesiredState, parseDesiredStateEvent } from '../../events/parse-event.ts';

/** How every engine keeps an event; what it keeps, any build may have to read. */
export const storedText = (event: DesiredStateEvent): string => JSON.stringify(event);

/** Reads what some build kept. Never throws. */
export const readStored = (text: string): ParsedDesiredState => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'event: JSON expected' };
  }
  return parseDesiredStateEvent(value);
};
