import { createHash } from 'node:crypto';
import type { Target } from '../model.ts';
import type { Pool } from '../pool.ts';

/** What the load balancer calls its cookie where a rule does not name one. */
export const defaultCookieName = 'tgw_l7_route';

const routes = new WeakMap<Target, string>();

/** What stands for a target in a cookie: the same for the same address in the same rule. */
const routeOf = (target: Target, { locationId }: Pool): string => {
  const known = routes.get(target);
  if (known !== undefined) return known;
  const text = `${locationId} ${target.ip} ${target.port}`;
  const route = createHash('sha256').update(text).digest('hex').slice(0, 16);
  routes.set(target, route);
  return route;
};

/** Sixteen digits for the target, sixteen for the end of the session. */
const valueFormat = /^([0-9a-f]{16})([0-9a-f]{16})$/;

const cookieIn = (header: string, name: string): string | undefined => {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
};

/**
 * The target that a request's cookie names; undefined without one, after its session, and when that target is
 * not bound any more.
 */
export const sessionTarget = (
  cookies: string | undefined,
  name: string,
  pool: Pool,
  nowMs: number,
): Target | undefined => {
  const [, route, end] = valueFormat.exec(cookieIn(cookies ?? '', name) ?? '') ?? [];
  if (route === undefined || Number.parseInt(end ?? '', 16) <= nowMs) return undefined;
  for (const target of pool.targets) {
    if (routeOf(target, pool) === route) return target;
  }
  return undefined;
};

/** The Set-Cookie of a session that begins now. */
export const sessionCookie = (
  name: string,
  target: Target,
  pool: Pool,
  nowMs: number,
  sessionMs: number,
): string => {
  const endMs = Math.ceil(nowMs + sessionMs);
  const value = `${routeOf(target, pool)}${endMs.toString(16).padStart(16, '0')}`;
  // A browser counts in seconds and must not forget it early.
  const expires = new Date(Math.ceil(endMs / 1000) * 1000).toUTCString();
  return `${name}=${value}; Expires=${expires}; Path=/`;
};
