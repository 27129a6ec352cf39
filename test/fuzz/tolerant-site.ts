/**
 * @module test/fuzz/tolerant-site
 * The site that both lanes are tried on, where bodies of requests break off.
 */
import type { OriginHandler } from '../kit/origin.ts';
import { site } from '../lanes/site.ts';

export const tolerantSite: OriginHandler = async (message, response, context) => {
  const body = await context.body().catch(() => undefined);
  if (body !== undefined) await site(message, response, { ...context, body: async () => body });
};
