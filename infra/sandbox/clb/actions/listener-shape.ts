import { apiTime } from '../ids.ts';
import type { Listener } from '../load-balancer.ts';
import type { Answer } from './action.ts';

/** A layer-4 listener as DescribeListeners shows it. */
export const listenerShape = (listener: Listener): Answer => ({
  ListenerId: listener.id,
  Protocol: listener.protocol,
  Port: listener.port,
  Certificate: null,
  HealthCheck: listener.pool.healthCheck,
  Scheduler: listener.pool.scheduler,
  SessionExpireTime: listener.pool.sessionExpireSeconds,
  SniSwitch: 0,
  Rules: null,
  ListenerName: listener.name,
  CreateTime: apiTime(listener.createdAt),
  EndPort: 0,
  TargetType: 'NODE',
  TargetGroup: null,
  SessionType: listener.sessionType,
  KeepaliveEnable: null,
  Toa: false,
  DeregisterTargetRst: listener.deregisterTargetRst,
  AttrFlags: [],
  TargetGroupList: null,
  MaxConn: -1,
  MaxCps: -1,
  IdleConnectTimeout: listener.idleConnectTimeoutSeconds,
  RescheduleInterval: 0,
  RescheduleStartTime: 0,
  DataCompressMode: 'transparent',
});
