import type { Layer7Listener, Rule } from '../load-balancer.ts';

/** The rules that have a domain. */
export const rulesOfDomain = ({ rules }: Layer7Listener, domain: string): Rule[] =>
  [...rules.values()].filter(({ domains }) => domains.includes(domain));

/**
 * Gives a listener a default domain again after rules went, or their domain did: the one named, else that of
 * the oldest rule that is left. Source: cloud.tencent.com/document/product/214/9032.
 */
export const settleDefault = (listener: Layer7Listener, successor?: string): void => {
  const { defaultDomain } = listener;
  if (defaultDomain !== undefined && rulesOfDomain(listener, defaultDomain).length > 0) return;
  const [oldest] = listener.rules.values();
  listener.defaultDomain = successor ?? oldest?.domains[0];
};
