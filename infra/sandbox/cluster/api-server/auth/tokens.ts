import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { User } from '../context.ts';
import type { KubeObject } from '../kube-object.ts';
import { unauthorized } from '../status-error.ts';
import type { ObjectStore } from '../store/store.ts';

interface Known {
  readonly user: User;
  readonly expiresMs: number;
  /** The ServiceAccount that must still exist. */
  readonly account?: { readonly namespace: string; readonly name: string };
}

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

const authenticated = 'system:authenticated';

const withAuthenticated = (user: User): User =>
  user.groups.includes(authenticated) ? user : { ...user, groups: [...user.groups, authenticated] };

const segment = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Bearer tokens and who they stand for. Only hashes are kept. */
export class Tokens {
  readonly #known = new Map<string, Known>();
  readonly #store: ObjectStore;
  readonly #now: () => number;
  readonly #issuer: string;
  #signingKey: KeyObject | undefined;

  constructor(store: ObjectStore, now: () => number, issuer: string) {
    this.#store = store;
    this.#now = now;
    this.#issuer = issuer;
  }

  /** Makes a token known, for ever. */
  add(token: string, user: User): void {
    this.#known.set(hash(token), { user: withAuthenticated(user), expiresMs: Number.POSITIVE_INFINITY });
  }

  /** Makes a new token for a user. */
  create(user: User): string {
    const token = randomBytes(24).toString('base64url');
    this.add(token, user);
    return token;
  }

  /** A signed JWT that stands for a ServiceAccount until it expires or the account is gone. */
  issue(serviceAccount: KubeObject, seconds: number): { token: string; expiresMs: number } {
    const { name, namespace = '', uid = '' } = serviceAccount.metadata;
    const issuedMs = this.#now();
    const expiresMs = issuedMs + seconds * 1000;
    const subject = `system:serviceaccount:${namespace}:${name}`;
    this.#signingKey ??= generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const claims = {
      aud: [this.#issuer],
      exp: Math.floor(expiresMs / 1000),
      iat: Math.floor(issuedMs / 1000),
      iss: this.#issuer,
      jti: randomBytes(8).toString('hex'),
      'kubernetes.io': { namespace, serviceaccount: { name, uid } },
      sub: subject,
    };
    const signed = `${segment({ alg: 'ES256', typ: 'JWT' })}.${segment(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), {
      key: this.#signingKey,
      dsaEncoding: 'ieee-p1363',
    });
    const token = `${signed}.${signature.toString('base64url')}`;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
    this.#known.set(hash(token), {
      user: withAuthenticated({ name: subject, uid, groups }),
      expiresMs,
      account: { namespace, name },
    });
    return { token, expiresMs };
  }

  /** Who a token stands for. @throws StatusError 401 */
  identify(token: string): User {
    const known = this.#known.get(hash(token));
    if (known === undefined || known.expiresMs <= this.#now()) throw unauthorized();
    if (known.account !== undefined) {
      const account = this.#store
        .collection('serviceaccounts')
        .get(known.account.namespace, known.account.name);
      if (account?.object.metadata.uid !== known.user.uid) throw unauthorized();
    }
    return known.user;
  }

  /** Who sends a request. @throws StatusError 401 for a token that is not known */
  authenticate(authorization: string | undefined): User {
    if (authorization === undefined) return anonymous;
    const [scheme = '', token = ''] = authorization.split(' ');
    if (scheme.toLowerCase() !== 'bearer' || token === '') throw unauthorized();
    return this.identify(token);
  }
}

const hash = (token: string): string => createHash('sha256').update(token).digest('base64');
