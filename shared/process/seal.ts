import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/** What was sealed with another key, or was changed since. */
export class SealError extends Error {
  constructor() {
    super('It was sealed with another key, or is damaged.');
    this.name = 'SealError';
  }
}

/**
 * Encrypts a text so that only who has the key reads it, and nobody changes it unseen.
 *
 * @param key 32 bytes
 */
export const seal = (text: string, key: Buffer): string => {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv(algorithm, key, iv);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
};

/** @throws SealError */
export const unseal = (sealed: string, key: Buffer): string => {
  try {
    const bytes = Buffer.from(sealed, 'base64');
    const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, ivBytes), {
      authTagLength: tagBytes,
    });
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    const text = decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, 'utf8');
    return text + decipher.final('utf8');
  } catch {
    throw new SealError();
  }
};
