import { apiTime } from '../ids.ts';
import { endPortOf, type Listener } from '../load-balancer.ts';
import type { Answer } from './action.ts';
import { certificateShape } from './certificate-parameters.ts';
import { ruleShape } from './rule-shape.ts';

/** What the two layers show differently. */
const layerShape = (listener: Listener): Answer =>
  listener.layer === 4
    ? {
        HealthCheck: listener.pool.healthCheck,
        Scheduler: listener.pool.scheduler,
        SessionExpireTime: listener.pool.sessionExpireSeconds,
        Rules: null,
        SessionType: listener.sessionType,
        KeepaliveEnable: null,
        DeregisterTargetRst: listener.deregisterTargetRst,
        IdleConnectTimeout: listener.idleConnectTimeoutSeconds,
      }
    : {
        // Its rules have these.
        HealthCheck: null,
        Scheduler: null,
        SessionExpireTime: 0,
        Rules: [...listener.rules.values()].map((rule) => ruleShape(rule, listener)),
        SessionType: 'NORMAL',
        KeepaliveEnable: listener.keepalive ? 1 : 0,
        DeregisterTargetRst: false,
        IdleConnectTimeout: null,
      };

/** A listener as DescribeListeners shows it. */
export const listenerShape = (listener: Listener): Answer => ({
  ListenerId: listener.id,
  Protocol: listener.protocol,
  Port: listener.port,
  Certificate: certificateShape(listener.tls),
  SniSwitch: listener.layer === 7 && listener.sni === true ? 1 : 0,
  ListenerName: listener.name,
  CreateTime: apiTime(listener.createdAt),
  EndPort: endPortOf(listener),
  TargetType: 'NODE',
  TargetGroup: null,
  Toa: false,
  AttrFlags: listener.stopped === true ? ['Stop'] : [],
  TargetGroupList: null,
  MaxConn: -1,
  MaxCps: -1,
  RescheduleInterval: 0,
  RescheduleStartTime: 0,
  DataCompressMode: 'transparent',
  ...layerShape(listener),
});
