import type { JsonObject } from '../json.ts';

/** What `/version` says unless told otherwise. */
export const defaultGitVersion = 'v1.31.0+sandbox';

/** The body of `/version`. @param gitVersion `vMAJOR.MINOR.PATCH…` */
export const versionInfo = (gitVersion: string): JsonObject => {
  const [, major = '1', minor = '31'] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  return {
    major,
    minor,
    gitVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: `${process.platform}/${process.arch}`,
  };
};
