import { ApiError } from '../api-error.ts';
import type { Engine } from '../engine/engine.ts';
import type { Tls } from '../model.ts';
import { structure, text } from '../schema/fields.ts';
import { type Action, action } from './action.ts';
import { certificateFields, replacementOf } from './certificate-parameters.ts';

/** The only region that answers; the certificate goes from the load balancers of all of them. */
const homeRegion = 'ap-guangzhou';

const replaced = (tls: Tls | undefined, oldId: string, newId: string): Tls | undefined => {
  if (tls?.caId === oldId) return { ...tls, caId: newId };
  if (tls?.certIds.includes(oldId) !== true) return undefined;
  return { ...tls, certIds: tls.certIds.map((id) => (id === oldId ? newId : id)) };
};

const replaceEverywhere = (oldId: string, newId: string, engine: Engine): void => {
  for (const lb of engine.store.all) {
    for (const listener of lb.listeners.values()) {
      const own = replaced(listener.tls, oldId, newId);
      if (own !== undefined) {
        listener.tls = own;
        engine.runtime.listenerChanged(lb, listener);
      }
      if (listener.layer === 4) continue;
      for (const rule of listener.rules.values()) {
        const ofDomain = replaced(rule.tls, oldId, newId);
        if (ofDomain === undefined) continue;
        rule.tls = ofDomain;
        engine.runtime.ruleChanged(lb, listener, rule, 'modified');
      }
    }
  }
};

/** No load balancer's lock is among its documented codes, and none is asked for. */
const replaceCertForLoadBalancers = action(
  'ReplaceCertForLoadBalancers',
  structure({ OldCertificateId: text(), Certificate: certificateFields.Certificate }, {}),
  (asked, engine, context) => {
    if (context.region !== homeRegion) {
      throw new ApiError('InvalidParameter', `Certificates are replaced in region ${homeRegion} only.`);
    }
    const newId = replacementOf(asked.OldCertificateId, asked.Certificate, engine);
    if (!context.effects.has('no-effect')) replaceEverywhere(asked.OldCertificateId, newId, engine);
    engine.tasks.begin(context, 0, []);
    return {};
  },
);

export const certificateActions = (): Action[] => [replaceCertForLoadBalancers];
