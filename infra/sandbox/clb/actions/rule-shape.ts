import { apiTime } from '../ids.ts';
import type { Layer7Listener, Rule } from '../load-balancer.ts';
import type { Answer } from './action.ts';
import { certificateShape } from './certificate-parameters.ts';

/** A rule as DescribeListeners shows it. */
export const ruleShape = (rule: Rule, { id: listenerId, defaultDomain }: Layer7Listener): Answer => ({
  LocationId: rule.id,
  Domain: rule.domains[0] ?? '',
  Url: rule.url,
  SessionExpireTime: rule.pool.sessionExpireSeconds,
  HealthCheck: rule.pool.healthCheck,
  Certificate: certificateShape(rule.tls),
  Scheduler: rule.pool.scheduler,
  ListenerId: listenerId,
  RewriteTarget: {
    TargetListenerId: null,
    TargetLocationId: null,
    RewriteCode: null,
    TakeUrl: null,
    RewriteType: null,
  },
  HttpGzip: true,
  BeAutoCreated: false,
  DefaultServer: defaultDomain !== undefined && rule.domains.includes(defaultDomain),
  Http2: rule.http2 ?? false,
  ForwardType: 'HTTP',
  CreateTime: apiTime(rule.createdAt),
  TargetType: 'NODE',
  TargetGroup: null,
  WafDomainId: '',
  TrpcCallee: '',
  TrpcFunc: '',
  QuicStatus: 'QUIC_INACTIVE',
  Domains: rule.domains,
  TargetGroupList: null,
  OAuth: null,
  CookieName: rule.cookieName,
});
