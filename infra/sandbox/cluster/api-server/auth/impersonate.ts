import type { IncomingHttpHeaders } from 'node:http';
import type { Authorizer, User } from '../context.ts';
import { requireAllowed } from './authorize.ts';

const listOf = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : value.split(', ');

/**
 * The user whom a request is made as: another one where its headers name one and its sender may be them.
 *
 * @throws StatusError 403
 */
export const impersonated = (authorize: Authorizer, user: User, headers: IncomingHttpHeaders): User => {
  const name = headers['impersonate-user'];
  if (typeof name !== 'string' || name === '') return user;
  const groups = listOf(headers['impersonate-group']);
  const mayImpersonate = (resource: string, named: string): void =>
    requireAllowed(authorize, {
      user,
      verb: 'impersonate',
      group: '',
      resource,
      subresource: '',
      namespace: '',
      name: named,
      path: '',
    });
  mayImpersonate('users', name);
  for (const group of groups) mayImpersonate('groups', group);
  return { name, groups: [...groups, 'system:authenticated'] };
};
