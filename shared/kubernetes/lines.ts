import { StreamEnd } from './stream-end.ts';

const newline = 0x0a;

/** Longer than any object that etcd stores (1.5 MB), many times over. */
const maxLineBytes = 32 * 1024 * 1024;

/**
 * The complete lines of each chunk. Cuts at the byte, before decoding, so a character that is split between two
 * chunks is whole again in its line. What follows the last newline when the chunks end is dropped: it was cut.
 *
 * @throws StreamEnd for a line without end
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly string[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const tail = chunk.subarray(start, end);
      lines.push(rest.length === 0 ? tail.toString('utf8') : Buffer.concat([...rest, tail]).toString('utf8'));
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      restBytes += chunk.length - start;
      if (restBytes > maxLineBytes)
        throw new StreamEnd('unreadable', `a line of more than ${maxLineBytes} bytes`);
    }
    yield lines;
  }
}
