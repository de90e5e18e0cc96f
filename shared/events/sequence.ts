import type { Sequence } from '../model/desired-state.ts';

/** Digits of each half; ten hold the time in seconds until the year 2286, and ten thousand million puts. */
const digits = 10;
const largest = 10 ** digits - 1;
const pattern = new RegExp(`^\\d{${digits}}\\.\\d{${digits}}$`);

const padded = (value: number, name: string): string => {
  if (!Number.isInteger(value) || value < 0 || value > largest) {
    throw new RangeError(`${name} ${value} is no integer from 0 to ${largest}`);
  }
  return String(value).padStart(digits, '0');
};

/**
 * `<epoch>.<counter>`, zero-padded, so that strings sort as they were made, as the CloudEvents sequence extension
 * asks for (https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/sequence.md).
 *
 * @throws RangeError for anything but integers from 0 to 9999999999.
 */
export const formatSequence = (epoch: number, counter: number): Sequence =>
  `${padded(epoch, 'epoch')}.${padded(counter, 'counter')}`;

export const isSequence = (text: string): boolean => pattern.test(text);

/** The epoch of a sequence; NaN when it is none. */
export const epochOf = (sequence: Sequence): number =>
  isSequence(sequence) ? Number(sequence.slice(0, digits)) : Number.NaN;
