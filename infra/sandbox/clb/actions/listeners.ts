import { ApiError, tooShort, wrongValue } from '../api-error.ts';
import type { CallContext, Engine } from '../engine/engine.ts';
import type { Layer7Listener, Listener, LoadBalancer } from '../load-balancer.ts';
import { flag, integer, list, structure, text, word } from '../schema/fields.ts';
import { getListener } from '../store.ts';
import { type Action, action } from './action.ts';
import { type AskedTls, asksForTls, certificateFields, tlsOf } from './certificate-parameters.ts';
import { createListener } from './create-listener.ts';
import { healthCheckField, mergeHealthCheck } from './health-check-parameters.ts';
import { checkMembers } from './listener-parameters.ts';
import { listenerShape } from './listener-shape.ts';

const describeListeners = action(
  'DescribeListeners',
  structure(
    { LoadBalancerId: text() },
    {
      ListenerIds: list(text(), { max: 100 }),
      Protocol: word('TCP', 'UDP', 'HTTP', 'HTTPS', 'TCP_SSL', 'QUIC'),
      Port: integer(1, 65_535),
    },
  ),
  (asked, engine, { region }) => {
    const lb = engine.store.get(asked.LoadBalancerId, region);
    const { ListenerIds: ids } = asked;
    const found = [...lb.listeners.values()].filter(
      ({ id, protocol, port }) =>
        (ids === undefined || ids.length === 0 || ids.includes(id)) &&
        (asked.Protocol === undefined || protocol === asked.Protocol) &&
        (asked.Port === undefined || port === asked.Port),
    );
    return { Listeners: found.map(listenerShape), TotalCount: found.length };
  },
);

/**
 * Certificates may be changed where the listener has them; SNI may be turned on, not off.
 *
 * @throws ApiError InvalidParameterValue
 */
const checkTlsChange = (asked: AskedTls & { readonly SniSwitch?: number }, listener: Listener): void => {
  const sni = listener.layer === 7 && listener.sni === true;
  if (asked.SniSwitch === (sni ? 0 : 1) && (sni || listener.protocol !== 'HTTPS')) {
    throw wrongValue('SniSwitch', asked.SniSwitch);
  }
  if (!asksForTls(asked) || (listener.tls !== undefined && asked.SniSwitch !== 1)) return;
  throw new ApiError(
    'InvalidParameterValue',
    `A ${listener.protocol} listener${sni || asked.SniSwitch === 1 ? ' with SNI' : ''} takes no certificate.`,
  );
};

/** What the listener showed for all of its domains, each of them shows from now on. */
const turnSniOn = (listener: Layer7Listener): void => {
  const { tls } = listener;
  listener.sni = true;
  if (tls === undefined) return;
  for (const rule of listener.rules.values()) rule.tls = tls;
  delete listener.tls;
};

const modifyListener = action(
  'ModifyListener',
  structure(
    { LoadBalancerId: text(), ListenerId: text() },
    {
      ListenerName: text({ min: 1, max: 80 }),
      SessionExpireTime: integer(0, 3_600),
      HealthCheck: healthCheckField,
      ...certificateFields,
      Scheduler: word('WRR', 'LEAST_CONN', 'IP_HASH'),
      SniSwitch: integer(0, 1),
      TargetType: word('NODE', 'TARGETGROUP', 'TARGETGROUP-V2'),
      KeepaliveEnable: integer(0, 1),
      DeregisterTargetRst: flag,
      SessionType: word('NORMAL', 'QUIC_CID'),
      MaxConn: integer(-1),
      MaxCps: integer(-1),
      IdleConnectTimeout: integer(10, 3_600),
      ProxyProtocol: flag,
      SnatEnable: flag,
      DataCompressMode: word('transparent', 'compatibility'),
      RescheduleTargetZeroWeight: flag,
      RescheduleUnhealthy: flag,
      RescheduleExpandTarget: flag,
      RescheduleStartTime: integer(0, 3_600),
      RescheduleInterval: integer(0, 3_600),
    },
  ),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const listener = getListener(lb, asked.ListenerId);
    if (asked.TargetType !== undefined && asked.TargetType !== 'NODE') {
      throw new ApiError('UnsupportedOperation', 'Target groups are not simulated.');
    }
    checkMembers(asked, listener.protocol, lb);
    checkTlsChange(asked, listener);
    const before = listener.layer === 4 ? listener.pool.healthCheck : undefined;
    const healthCheck = before && mergeHealthCheck(before, asked.HealthCheck, listener.protocol);
    const tls = tlsOf(asked, '', engine);
    engine.begin([lb.id], context, {
      taskName: 'ModifyListener',
      durationMs: engine.settings.modifyListenerMs,
      apply: () => {
        listener.name = asked.ListenerName ?? listener.name;
        if (tls !== undefined) listener.tls = tls;
        if (asked.SniSwitch === 1 && listener.layer === 7) turnSniOn(listener);
        if (listener.layer === 7) {
          if (asked.KeepaliveEnable !== undefined) listener.keepalive = asked.KeepaliveEnable === 1;
        } else {
          const { pool } = listener;
          listener.sessionType = asked.SessionType ?? listener.sessionType;
          listener.deregisterTargetRst = asked.DeregisterTargetRst ?? listener.deregisterTargetRst;
          listener.idleConnectTimeoutSeconds = asked.IdleConnectTimeout ?? listener.idleConnectTimeoutSeconds;
          pool.scheduler = asked.Scheduler ?? pool.scheduler;
          pool.sessionExpireSeconds = asked.SessionExpireTime ?? pool.sessionExpireSeconds;
          if (asked.HealthCheck !== undefined && healthCheck !== undefined) {
            pool.healthCheck = healthCheck;
            engine.runtime.healthCheckChanged({ loadBalancer: lb, listener, pool });
          }
        }
        engine.runtime.listenerChanged(lb, listener);
      },
    });
    return {};
  },
);

const deleteAll = (
  lb: LoadBalancer,
  listeners: readonly Listener[],
  engine: Engine,
  context: CallContext,
  taskName: string,
): void => {
  engine.begin([lb.id], context, {
    taskName,
    durationMs: engine.settings.deleteListenerMs,
    apply: () => {
      for (const listener of listeners) engine.runtime.closeListener(lb, listener);
    },
  });
};

const deleteListener = action(
  'DeleteListener',
  structure({ LoadBalancerId: text(), ListenerId: text() }, {}),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    deleteAll(lb, [getListener(lb, asked.ListenerId)], engine, context, 'DeleteListener');
    return {};
  },
);

/** All or nothing on ids; **without a list every listener goes**, which is said loudly. */
const deleteLoadBalancerListeners = action(
  'DeleteLoadBalancerListeners',
  structure({ LoadBalancerId: text() }, { ListenerIds: list(text(), { max: 20 }) }),
  (asked, engine, context) => {
    const lb = engine.writable(asked.LoadBalancerId, context.region);
    const { ListenerIds: ids } = asked;
    if (ids?.length === 0 && engine.settings.emptyListenerIds === 'refuse') throw tooShort('ListenerIds', 1);
    const missing = (ids ?? []).filter((id) => !lb.listeners.has(id));
    if (missing.length > 0) {
      throw new ApiError('InvalidParameter', `some ListenerId ${missing.join(',')} not found in ${lb.id}`);
    }
    const all = ids === undefined || ids.length === 0;
    if (all) {
      engine.events.emit(
        'warning',
        `DeleteLoadBalancerListeners without ListenerIds: ALL ${lb.listeners.size} listeners of ${lb.id} are deleted.`,
      );
    }
    const listeners = [...lb.listeners.values()].filter(({ id }) => all || ids.includes(id));
    deleteAll(lb, listeners, engine, context, 'DeleteLoadBalancerListeners');
    return {};
  },
);

export const listenerActions = (): Action[] => [
  createListener,
  describeListeners,
  modifyListener,
  deleteListener,
  deleteLoadBalancerListeners,
];
