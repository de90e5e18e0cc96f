import type { JsonObject } from '../json.ts';
import { badRequest } from '../status-error.ts';

/** What Kubernetes puts before every object in this encoding. */
const magic = 'k8s\0';

/** The fields of one message by number; the last of a number counts. Those that are no text or message are left out. */
const fieldsOf = (message: Buffer): Map<number, Buffer> => {
  const fields = new Map<number, Buffer>();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = message[at];
      if (byte === undefined) break;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw badRequest('proto: illegal wireType or varint');
  };
  while (at < message.length) {
    const tag = number();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) number();
    else if (type === 2) {
      const length = number();
      if (at + length > message.length) throw badRequest('unexpected EOF');
      fields.set(field, message.subarray(at, at + length));
      at += length;
    } else throw badRequest(`proto: illegal wireType ${type}`);
  }
  return fields;
};

/** The texts of a message, under their names. */
const texts = (message: Buffer | undefined, names: Readonly<Record<number, string>>): JsonObject => {
  const fields = fieldsOf(message ?? Buffer.alloc(0));
  return Object.fromEntries(
    Object.entries(names).flatMap(([field, name]) => {
      const value = fields.get(Number(field));
      return value === undefined ? [] : [[name, value.toString()]];
    }),
  );
};

const resourceAttributes = {
  1: 'namespace',
  2: 'verb',
  3: 'group',
  4: 'version',
  5: 'resource',
  6: 'subresource',
  7: 'name',
};

/**
 * What somebody asks about their own rights, in the encoding that kubectl 1.30 and newer ask it in. No other object is
 * read in it: clients send JSON for those.
 *
 * @param body the bytes of the request
 * @throws StatusError 400
 */
export const decodeReview = (kind: string, body: Buffer): JsonObject => {
  if (body.subarray(0, magic.length).toString('latin1') !== magic) {
    throw badRequest('provided data does not appear to be a protobuf message');
  }
  const raw = fieldsOf(body.subarray(magic.length)).get(2) ?? Buffer.alloc(0);
  const spec = fieldsOf(raw).get(2) ?? Buffer.alloc(0);
  if (kind === 'SelfSubjectRulesReview') return { spec: texts(spec, { 1: 'namespace' }) };
  if (kind !== 'SelfSubjectAccessReview') return { spec: {} };
  const fields = fieldsOf(spec);
  const path = fields.get(2);
  return {
    spec:
      path === undefined
        ? { resourceAttributes: texts(fields.get(1), resourceAttributes) }
        : { nonResourceAttributes: texts(path, { 1: 'path', 2: 'verb' }) },
  };
};
