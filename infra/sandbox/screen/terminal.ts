import type { WriteStream } from 'node:tty';
import type { Size } from './layout.ts';

/** A terminal that is drawn as a whole, in place. */
export interface Terminal {
  /** Starts to draw, on a page of its own, so that what was there comes back at the end. */
  open(): void;
  /** Leaves that page. */
  close(): void;
}

const frameMs = 250;

const enterPage = '\x1b[?1049h\x1b[?25l';
const leavePage = '\x1b[?25h\x1b[?1049l';
/** Terminals that know it show the frame at once; others ignore it. */
const beginFrame = '\x1b[?2026h\x1b[H';
const endFrame = '\x1b[J\x1b[?2026l';

/** Four frames a second, one write each, none while the terminal has not taken the last one. */
export const createTerminal = (out: WriteStream, draw: (size: Size) => readonly string[]): Terminal => {
  let timer: NodeJS.Timeout | undefined;
  const frame = (): void => {
    if (out.writableNeedDrain) return;
    const lines = draw({ columns: out.columns, rows: out.rows });
    out.write(`${beginFrame}${lines.map((line) => `\x1b[2K${line}`).join('\r\n')}${endFrame}`);
  };
  const resized = (): void => {
    out.write('\x1b[2J');
    frame();
  };
  const restore = (): void => {
    out.write(leavePage);
  };
  return {
    open: () => {
      if (timer !== undefined) return;
      out.write(enterPage);
      process.on('exit', restore);
      out.on('resize', resized);
      timer = setInterval(frame, frameMs);
      frame();
    },
    close: () => {
      if (timer === undefined) return;
      clearInterval(timer);
      timer = undefined;
      out.off('resize', resized);
      process.off('exit', restore);
      restore();
    },
  };
};
