import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultHealthCheck } from '../actions/health-check-parameters.ts';
import type { Rule } from '../load-balancer.ts';
import { Pool } from '../pool.ts';
import { hostOf, matchRule, ruleTable } from './match.ts';
import { parseDomain, parseUrl } from './names.ts';

/** Rules written as `domain,domain/url`; the name of each is what was written. */
const table = (defaultDomain: string | undefined, ...names: string[]) => {
  const rules = names.map((name): [string, Rule] => {
    const [domains = '', url = ''] = name.split(' ');
    const pool = new Pool(defaultHealthCheck('HTTP'), 'WRR', 0);
    return [
      name,
      { id: name, createdAt: new Date(), domains: domains.split(','), url, cookieName: '', pool },
    ];
  });
  return ruleTable({ rules: new Map(rules), defaultDomain });
};

const ask = (rules: ReturnType<typeof table>, host: string, path = '/'): string => {
  const match = matchRule(rules, hostOf(host), path);
  if (match.kind === 'rule') return match.rule.id;
  return match.kind === 'redirect' ? `-> ${match.path}` : 'none';
};

describe('a host', () => {
  const rules = table(
    'default.com',
    'default.com /',
    '~^www\\d+\\.example\\.com$ /',
    'www.* /',
    'www.example.* /',
    '*.com /',
    '*.example.com /',
    'www.example.com /',
    'one.org,two.org /',
  );

  it.each([
    ['www.example.com', 'www.example.com /'],
    ['WWW.Example.COM', 'www.example.com /'],
    ['www.example.com:8080', 'www.example.com /'],
    ['www.example.com.', 'www.example.com /'],
    ['a.example.com', '*.example.com /'],
    ['a.b.example.com', '*.example.com /'],
    ['example.com', '*.com /'],
    ['other.com', '*.com /'],
    ['www.example.org', 'www.example.* /'],
    ['www.other.org', 'www.* /'],
    ['two.org', 'one.org,two.org /'],
    ['nobody.org', 'default.com /'],
    ['10.57.240.1', 'default.com /'],
    ['', 'default.com /'],
  ])('%s is taken by %s', (host, rule) => expect(ask(rules, host)).toBe(rule));

  it('is matched by a regular expression after all wildcards, the oldest first', () => {
    const regexes = table(undefined, '~^www\\d+\\.a\\.com$ /', '~^www1.*$ /', '*.b.com /');
    expect(ask(regexes, 'www1.a.com')).toBe('~^www\\d+\\.a\\.com$ /');
    expect(ask(regexes, 'www1.c.com')).toBe('~^www1.*$ /');
    expect(ask(regexes, 'www1.b.com')).toBe('*.b.com /');
    expect(ask(regexes, 'else.com')).toBe('none');
  });
});

describe('a path', () => {
  const rules = table(
    'a.com',
    'a.com /',
    'a.com /test1/image/index1.html',
    'a.com /test1/image/',
    'a.com /test2/video/',
    'a.com =/only',
    'a.com ^~/static/',
    'a.com ~*\\.png$',
    'a.com /dir/',
    'a.com /both',
    'a.com /both/',
    'b.com /one',
  );

  it.each([
    // The document's own examples.
    ['/test1/image/index1.html', 'a.com /test1/image/index1.html'],
    ['/test1/image/hello.html', 'a.com /test1/image/'],
    ['/test2/video/mp4/', 'a.com /test2/video/'],
    ['/test3/hello/index.html', 'a.com /'],
    ['/test2/', 'a.com /'],
    // A URL that ends with a slash, asked for without it.
    ['/dir', '-> /dir/'],
    ['/dir/', 'a.com /dir/'],
    ['/both', 'a.com /both'],
    ['/both/x', 'a.com /both/'],
    // Modifiers.
    ['/only', 'a.com =/only'],
    ['/only/x', 'a.com /'],
    ['/x/y.PNG', 'a.com ~*\\.png$'],
    ['/dir/y.png', 'a.com ~*\\.png$'],
    ['/static/y.png', 'a.com ^~/static/'],
  ])('%s is taken by %s', (path, rule) => expect(ask(rules, 'a.com', path)).toBe(rule));

  it('that none of the domain takes is nobody’s, also when another domain has it', () => {
    expect(ask(rules, 'b.com', '/one/x')).toBe('b.com /one');
    expect(ask(rules, 'b.com', '/two')).toBe('none');
    expect(ask(rules, 'b.com', '/test2/video/')).toBe('none');
  });

  it('goes to the longest prefix in whatever order the rules were made', () => {
    const paths = ['/', '/a', '/a/b', '/a/b/c', '/ab', '/b'];
    fc.assert(
      fc.property(fc.shuffledSubarray(paths, { minLength: 1 }), fc.constantFrom(...paths), (made, path) => {
        const longest = made.filter((one) => path.startsWith(one)).sort((x, y) => y.length - x.length)[0];
        const all = table('a.com', ...made.map((url) => `a.com ${url}`));
        expect(ask(all, 'a.com', path)).toBe(longest === undefined ? 'none' : `a.com ${longest}`);
      }),
    );
  });
});

describe('names', () => {
  it.each([
    'www.example.com',
    '10.57.240.1',
    '*.example.com',
    'www.example.*',
    '~^www\\d+\\.example\\.com$',
    'a_b.c',
  ])('%s is a domain', (domain) => expect(parseDomain(domain)).toBeDefined());
  it.each([
    '',
    '_a.com',
    'A.com',
    '*',
    'a.*.com',
    '*.a.*',
    '*a.com',
    'a.com*',
    '~(',
    '~a~b',
    'a/b',
    'a'.repeat(81),
  ])('%s is none', (domain) => expect(parseDomain(domain)).toBeUndefined());
  it.each(['/', '/a/b.c-d_e=f?g:h', '=/a', '= /a', '^~/a', '~/a', '~*.(gif|jpg|bmp)$', '~* .png$'])(
    '%s is a URL',
    (url) => expect(parseUrl(url)).toBeDefined(),
  );
  it.each(['', 'a', '=a', '^~a', '/ä', '/a b', '~[', '~a~b', `/${'a'.repeat(200)}`])('%s is none', (url) =>
    expect(parseUrl(url)).toBeUndefined(),
  );
});
