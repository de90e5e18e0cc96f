/** What a rule's domain says. Patterns are matched against a host in lower case without its port. */
export type DomainPattern =
  | { readonly kind: 'exact'; readonly name: string }
  /** `*.example.com`: hosts that end with it. */
  | { readonly kind: 'ending'; readonly end: string }
  /** `www.example.*`: hosts that begin with it. */
  | { readonly kind: 'beginning'; readonly start: string }
  | { readonly kind: 'regex'; readonly regex: RegExp };

/** What a rule's URL says about the path of a request. */
export type UrlPattern =
  | { readonly kind: 'exact'; readonly path: string }
  /** `final` (`^~`): no regular expression is tried where it is the longest. */
  | { readonly kind: 'prefix'; readonly path: string; readonly final: boolean }
  | { readonly kind: 'regex'; readonly regex: RegExp };

const plainDomain = /^[a-z0-9.-][a-z0-9._-]*$/;
const regexDomain = /^~[a-z0-9.?=_+\\^*!$&|()[\]{}-]+$/;
const plainUrl = /^\/[a-zA-Z0-9.\-_/=?:]*$/;
const regexUrl = /^[a-zA-Z0-9.\-_/=?^*$:\\|()[\]+ ]+$/;

const compile = (source: string, flags = ''): RegExp | undefined => {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
};

/**
 * Reads a rule's domain; undefined when it does not follow the grammar: 1 to 80 characters of `a-z 0-9 . - _`,
 * no `_` at the beginning, one `*.` at the beginning or `.*` at the end, or `~` and a regular expression.
 * Source: cloud.tencent.com/document/product/214/9032.
 */
export const parseDomain = (text: string, maxLength = 80): DomainPattern | undefined => {
  if (text.length < 1 || text.length > maxLength) return undefined;
  if (text.startsWith('~')) {
    const regex = regexDomain.test(text) ? compile(text.slice(1)) : undefined;
    return regex && { kind: 'regex', regex };
  }
  if (text.startsWith('*.')) {
    return plainDomain.test(text.slice(2)) ? { kind: 'ending', end: text.slice(1) } : undefined;
  }
  if (text.endsWith('.*')) {
    return plainDomain.test(text.slice(0, -2)) ? { kind: 'beginning', start: text.slice(0, -1) } : undefined;
  }
  return plainDomain.test(text) ? { kind: 'exact', name: text } : undefined;
};

/** Reads a rule's URL (`/path`, `=/path`, `^~/path`, `~regex`, `~*regex`); undefined outside the grammar. */
export const parseUrl = (text: string): UrlPattern | undefined => {
  if (text.length < 1 || text.length > 200) return undefined;
  const [, modifier = '', rest = ''] = /^(=|\^~|~\*|~)? *(.*)$/.exec(text) ?? [];
  if (modifier === '~' || modifier === '~*') {
    const regex = regexUrl.test(rest) ? compile(rest, modifier === '~*' ? 'i' : '') : undefined;
    return regex && { kind: 'regex', regex };
  }
  if (!plainUrl.test(rest)) return undefined;
  if (modifier === '=') return { kind: 'exact', path: rest };
  return { kind: 'prefix', path: rest, final: modifier === '^~' };
};
