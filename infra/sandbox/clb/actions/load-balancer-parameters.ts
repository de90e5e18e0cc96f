import { flag, integer, list, structure, text, word } from '../schema/fields.ts';

/** Of a public load balancer: what its traffic costs and how much of it there may be. */
export const internetAccessible = structure(
  {},
  {
    InternetChargeType: word(
      'TRAFFIC_POSTPAID_BY_HOUR',
      'BANDWIDTH_POSTPAID_BY_HOUR',
      'BANDWIDTH_PACKAGE',
      'BANDWIDTH_PREPAID',
    ),
    InternetMaxBandwidthOut: integer(1, 61_440),
    BandwidthpkgSubType: text(),
  },
);

export const targetRegionInfo = structure({ Region: text(), VpcId: text() }, { NumericalVpcId: integer() });

export const chargePrepaid = structure(
  {},
  { RenewFlag: word('AUTO_RENEW', 'MANUAL_RENEW'), Period: integer() },
);

const clusterItem = structure({ ClusterId: text() }, { ClusterName: text(), Zone: text() });

export const exclusiveCluster = structure(
  {},
  { L4Clusters: list(clusterItem), L7Clusters: list(clusterItem), ClassicalCluster: clusterItem },
);

export const zoneAffinity = structure({}, { Enable: flag, ExitRatio: integer(), ReentryRatio: integer() });
