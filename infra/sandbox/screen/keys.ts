/**
 * Listens to single keys where stdin is a terminal; Ctrl-C and Ctrl-D count as `q`.
 *
 * @returns gives the terminal back
 */
export const listenToKeys = (onKey: (key: string) => void): (() => void) => {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const hear = (text: string): void => {
    for (const key of text) onKey(key === '\x03' || key === '\x04' ? 'q' : key.toLowerCase());
  };
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.on('data', hear);
  stdin.resume();
  return () => {
    stdin.off('data', hear);
    stdin.setRawMode(false);
    stdin.pause();
  };
};
