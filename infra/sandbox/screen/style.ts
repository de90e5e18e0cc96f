export type Style = (text: string) => string;

/** How words are set off; every style is plain text where colour is not wanted. */
export interface Styles {
  readonly bold: Style;
  readonly dim: Style;
  readonly good: Style;
  readonly bad: Style;
  readonly notice: Style;
}

const plain: Style = (text) => text;

const sgr =
  (on: number, off: number): Style =>
  (text) =>
    text === '' ? '' : `\x1b[${on}m${text}\x1b[${off}m`;

export const plainStyles: Styles = { bold: plain, dim: plain, good: plain, bad: plain, notice: plain };

const colours: Styles = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  good: sgr(32, 39),
  bad: sgr(31, 39),
  notice: sgr(33, 39),
};

/** Colours on a terminal, unless `NO_COLOR` is set to anything (https://no-color.org). */
export const stylesFor = (isTerminal: boolean, env: NodeJS.ProcessEnv = process.env): Styles =>
  isTerminal && (env['NO_COLOR'] ?? '') === '' ? colours : plainStyles;

/** Text of exactly `width` columns: cut with an ellipsis, or filled up with spaces. */
export const alignLeft = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text.padEnd(width);

/** The same for numbers, which stand at the right. */
export const alignRight = (text: string, width: number): string =>
  text.length > width ? text.slice(text.length - width) : text.padStart(width);

/** `7.3 s`, `1 min 12 s`. */
export const duration = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
};

/** `12 345`. */
export const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
