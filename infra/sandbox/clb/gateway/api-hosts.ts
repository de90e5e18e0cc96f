import { regions } from './checks.ts';

const domain = 'tencentcloudapi.com';

/**
 * Every host name under which clients look for this API: the nearest access point, that of each region, the
 * international one, the one inside a VPC, what an SDK builds of a suffix, and those of this machine. A wildcard
 * stands for one label only, so each form has its own.
 */
export const apiHosts = (region: string): readonly string[] => [
  ...[`clb.${domain}`, `*.${domain}`],
  ...['intl', 'internal', ...new Set([...regions, region])].flatMap((part) => [
    `clb.${part}.${domain}`,
    `*.${part}.${domain}`,
  ]),
  ...['localhost', 'clb.localhost', '127.0.0.1'],
];

/** Whether a name is one of the API's own. */
export const isApiHost = (name: string, region: string): boolean =>
  name.endsWith(`.${domain}`) &&
  apiHosts(region).some((host) =>
    host.startsWith('*.') ? name.slice(name.indexOf('.') + 1) === host.slice(2) : name === host,
  );
