import type { Attributes, Authorizer } from '../context.ts';
import { forbidden, StatusError } from '../status-error.ts';

/** Everybody whose token is known may do everything. */
export const allowAuthenticated: Authorizer = ({ user }) => !user.groups.includes('system:unauthenticated');

const where = ({ namespace }: Attributes): string =>
  namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;

/** Refuses what the authorizer does not allow. @throws StatusError 403 */
export const requireAllowed = (authorize: Authorizer, attributes: Attributes): void => {
  if (authorize(attributes)) return;
  const { user, verb, group, resource, subresource, name, path } = attributes;
  if (resource === '') {
    throw new StatusError(
      403,
      'Forbidden',
      `forbidden: User "${user.name}" cannot ${verb} path "${path}"`,
      {},
    );
  }
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  throw forbidden(
    { group, resource, kind: '' },
    name,
    `User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where(attributes)}`,
  );
};
