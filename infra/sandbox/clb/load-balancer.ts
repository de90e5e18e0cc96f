import type { Protocol, Tag } from './model.ts';
import type { Pool } from './pool.ts';

export interface Listener {
  readonly id: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly createdAt: Date;
  name: string;
  sessionType: string;
  deregisterTargetRst: boolean;
  idleConnectTimeoutSeconds: number;
  /** A layer-4 listener's own targets. */
  readonly pool: Pool;
}

export interface LoadBalancer {
  readonly id: string;
  readonly region: string;
  readonly type: 'OPEN' | 'INTERNAL';
  readonly vip: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly projectId: number;
  readonly slaType: string;
  readonly tags: readonly Tag[];
  readonly createdAt: Date;
  readonly chargeType: string;
  readonly internetChargeType: string;
  readonly maxBandwidthMbps: number;
  name: string;
  status: 0 | 1;
  statusAt: Date;
  passToTarget: boolean;
  deleteProtect: boolean;
  snatPro: boolean;
  readonly listeners: Map<string, Listener>;
}
