import type { Zone } from '../words/format'

/** A time that is meant: from when, until when; null for no bound. */
export interface TimeRange {
  readonly from: number | null
  readonly to: number | null
}

const HOUR = 3_600_000

/** Spans up to now that can be chosen. */
export const SPANS: Readonly<Record<string, number>> = { '1h': HOUR, '24h': 24 * HOUR, '7d': 7 * 24 * HOUR, '30d': 30 * 24 * HOUR }

/** What an address means by `since` and `until`; what is neither a span nor a moment bounds nothing. */
export function rangeOf({ since, until }: { readonly since?: string | undefined; readonly until?: string | undefined }, now: number): TimeRange {
  const span = since !== undefined && Object.hasOwn(SPANS, since) ? SPANS[since] : undefined
  return { from: span === undefined ? momentOf(since) : now - span, to: momentOf(until) }
}

export function within(at: number | null, { from, to }: TimeRange): boolean {
  if (from === null && to === null) return true
  return at !== null && (from === null || at >= from) && (to === null || at <= to)
}

function momentOf(text: string | undefined): number | null {
  const at = text && /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? null : at
}

/** A moment as a field for dates takes it, in the zone that is chosen; empty for none. */
export function fieldOf(at: number | null, zone: Zone): string {
  if (at === null) return ''
  const shift = zone === 'utc' ? 0 : new Date(at).getTimezoneOffset() * 60_000
  return new Date(at - shift).toISOString().slice(0, 16)
}

/** What a field for dates means, for an address; empty for nothing. */
export function saidOf(field: string, zone: Zone): string {
  if (!field) return ''
  const at = Date.parse(zone === 'utc' ? `${field}Z` : field)
  return Number.isNaN(at) ? '' : new Date(at).toISOString().replace(/:\d\d\.\d+Z$/, 'Z')
}
