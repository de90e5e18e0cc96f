import { z } from 'zod';
import { podPatch } from './pod-patch.ts';
import type { WishFound } from './wish.ts';

const reviewSchema = z.object({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.object({
    uid: z.string().min(1),
    operation: z.string(),
    resource: z.object({ group: z.string(), resource: z.string() }),
    subResource: z.string().optional(),
    namespace: z.string().optional(),
    object: z.record(z.string(), z.unknown()).nullish(),
  }),
});

/** An AdmissionReview (admission.k8s.io/v1) that asks. */
export type AdmissionRequest = z.output<typeof reviewSchema>['request'];

export type ParsedReview =
  | { readonly request: AdmissionRequest }
  /** Names what is wrong with it. */
  | { readonly malformed: string };

/** Reads a body at the door. Never throws. */
export const parseReview = (body: string): ParsedReview => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { malformed: 'the body is not JSON' };
  }
  const parsed = reviewSchema.safeParse(value);
  if (parsed.success) return { request: parsed.data.request };
  const [first] = parsed.error.issues;
  return { malformed: `${first?.path.join('.') ?? ''}: ${first?.message ?? 'no AdmissionReview'}` };
};

const isPodToCome = ({ operation, resource, subResource, object }: AdmissionRequest): boolean =>
  operation === 'CREATE' &&
  resource.group === '' &&
  resource.resource === 'pods' &&
  (subResource ?? '') === '' &&
  object !== undefined &&
  object !== null;

export interface AnsweredReview {
  readonly review: unknown;
  readonly patched: boolean;
}

/** The answer: always allowed, with a patch where something is missing. */
export const answerReview = (
  request: AdmissionRequest,
  wishFor: (pod: unknown, namespace: string) => WishFound,
): AnsweredReview => {
  const response = { uid: request.uid, allowed: true };
  const answer = (more: object): AnsweredReview => ({
    review: {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { ...response, ...more },
    },
    patched: 'patch' in more,
  });
  if (!isPodToCome(request)) return answer({});
  const { wish, warnings } = wishFor(request.object, request.namespace ?? '');
  const patch = podPatch(request.object, wish);
  return answer({
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(patch.length === 0
      ? {}
      : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
  });
};
