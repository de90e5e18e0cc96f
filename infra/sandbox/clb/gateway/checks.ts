import { ApiError, missingParameter } from '../api-error.ts';
import type { ClbSettings } from '../settings.ts';
import type { Credential } from './credentials.ts';
import { dateOf, parseAuthorization, type SignedRequest, verifies } from './signature.ts';

export const apiVersion = '2018-03-17';

/** Where CLB is offered. */
export const regions: ReadonlySet<string> = new Set([
  'ap-guangzhou',
  'ap-shanghai',
  'ap-nanjing',
  'ap-beijing',
  'ap-chengdu',
  'ap-chongqing',
  'ap-hongkong',
  'ap-singapore',
  'ap-jakarta',
  'ap-bangkok',
  'ap-tokyo',
  'ap-seoul',
  'ap-mumbai',
  'eu-frankfurt',
  'na-siliconvalley',
  'na-ashburn',
  'na-toronto',
  'sa-saopaulo',
]);

const failure = (): ApiError =>
  new ApiError(
    'AuthFailure.SignatureFailure',
    'The provided credentials could not be validated. Please check your signature is correct.',
  );

/**
 * Who calls: the checks of Authorization, timestamp, SecretId, signature and token, in the gateway's order.
 *
 * @throws ApiError with an `AuthFailure.*` code
 */
export const authenticate = (
  request: SignedRequest,
  credentials: ReadonlyMap<string, Credential>,
  settings: Pick<ClbSettings, 'timestampSkewSeconds' | 'strictService'>,
  nowMs: number,
): Credential => {
  const authorization = parseAuthorization(request.headers.authorization);
  if (authorization === undefined) {
    throw new ApiError(
      'AuthFailure.InvalidAuthorization',
      'The request header `Authorization` is not valid.',
    );
  }
  const timestamp = request.headers['x-tc-timestamp'] ?? '';
  if (!/^\d{1,12}$/.test(timestamp)) throw missingParameter('X-TC-Timestamp');
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > settings.timestampSkewSeconds) {
    throw new ApiError('AuthFailure.SignatureExpire', 'Signature expired.');
  }
  if (authorization.date !== dateOf(Number(timestamp))) throw failure();
  if (settings.strictService && authorization.service !== 'clb') throw failure();
  const credential = credentials.get(authorization.secretId);
  if (credential === undefined) {
    throw /^[A-Za-z0-9]+$/.test(authorization.secretId)
      ? new ApiError(
          'AuthFailure.SecretIdNotFound',
          'The SecretId is not found, please ensure that your SecretId is correct.',
        )
      : new ApiError('AuthFailure.InvalidSecretId', 'The SecretId is not valid.');
  }
  if (!verifies(authorization, request, timestamp, credential.secretKey)) throw failure();
  const expired = credential.expiresAtMs !== undefined && credential.expiresAtMs <= nowMs;
  if (credential.token !== undefined && (request.headers['x-tc-token'] !== credential.token || expired)) {
    throw new ApiError('AuthFailure.TokenFailure', 'The token is not valid or has expired.');
  }
  return credential;
};

/**
 * What is called where. @throws ApiError NoSuchVersion, InvalidAction, MissingParameter, InvalidParameterValue
 */
export const routed = (
  headers: Readonly<Record<string, string>>,
  actions: { has(name: string): boolean },
  ownRegion: string,
): { action: string; region: string } => {
  const version = headers['x-tc-version'];
  if (version === undefined) throw missingParameter('X-TC-Version');
  if (version !== apiVersion) {
    throw new ApiError(
      'NoSuchVersion',
      `The specified api version=\`${version}\` does not exist in service=\`clb\`.`,
    );
  }
  const action = headers['x-tc-action'];
  if (action === undefined) throw missingParameter('X-TC-Action');
  if (!actions.has(action)) {
    throw new ApiError(
      'InvalidAction',
      `The request action=\`${action}\` is invalid or not found in service=\`clb\` and version=\`${apiVersion}\`.`,
    );
  }
  const region = headers['x-tc-region'];
  if (region === undefined) throw missingParameter('X-TC-Region');
  if (region !== ownRegion && !regions.has(region)) {
    throw new ApiError(
      'InvalidParameterValue',
      'A value specified in `X-TC-Region` is not valid, is unsupported, or cannot be used.',
    );
  }
  return { action, region };
};

/** CAM. @throws ApiError UnauthorizedOperation */
export const authorize = (
  credential: Credential,
  action: string,
  region: string,
  requestId: string,
): void => {
  if (credential.allowedActions === undefined || credential.allowedActions.includes(action)) return;
  throw new ApiError(
    'UnauthorizedOperation',
    `[request id:${requestId}]you are not authorized to perform operation (clb:${action})\nresource (qcs::clb:${region}:uin/100000000001:clb/*) has no permission\n`,
  );
};
