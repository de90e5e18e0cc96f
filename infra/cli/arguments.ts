import { isIPv4 } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** A whole number of at least `least`. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
    }
    return value;
  };

/** A number above 0. */
export const positiveNumber = (text: string): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
};

/** `HOST:PORT` of this machine's loopback. */
export const loopbackAddress = (text: string): { host: string; port: number } => {
  const [, host = '', port = ''] = /^(127(?:\.\d{1,3}){3}|localhost):(\d{1,5})$/.exec(text) ?? [];
  if (host === '' || Number(port) > 65_535) {
    throw new InvalidArgumentError('It must be 127.x.y.z:PORT; nothing here listens on another network.');
  }
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(port) };
};

/** `10.0.0.0/16`. */
export const ipv4Network = (text: string): string => {
  const [, address = '', bits = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  if (!isIPv4(address) || Number(bits) > 32) {
    throw new InvalidArgumentError('It must be a network such as 10.0.0.0/16.');
  }
  return text;
};
