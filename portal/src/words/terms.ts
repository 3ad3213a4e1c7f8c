import type { RequestKind, Terms } from '../api/schema'
import { count } from './format'

/** All devices of terms together. */
export function devicesAsked(terms: Terms): number {
  return terms.shares.reduce((sum, each) => sum + each.devices, 0)
}

export function flavorsOf(terms: Terms): string {
  return [...new Set(terms.shares.map((each) => each.flavor))].join(', ')
}

export function placesOf(terms: Terms): string {
  return [...new Set(terms.shares.map((each) => each.cluster))].join(', ')
}

/** Devices of terms, such as `16 a100 in east, west`; empty where they are of none. */
export function devicesOf(terms: Terms): string {
  const devices = devicesAsked(terms)
  if (!devices) return ''
  return `${count(devices)} ${flavorsOf(terms)} in ${placesOf(terms)}`
}

interface Asked {
  readonly kind: RequestKind
  readonly team: string
  readonly subject: string
}

/** What is asked for, or granted: devices, or the thing by its name. */
export function thingOf(asked: Asked, terms: Terms): string {
  if (asked.kind === 'team') return `team ${asked.team} comes`
  if (asked.kind === 'leave') return `team ${asked.team} leaves`
  const lent = terms.taken.map((each) => `${count(each.share.devices)} ${each.share.flavor} in ${each.share.cluster}`).join(', ')
  // Of a grant of others no more is told than what it takes.
  return devicesOf(terms) || (asked.kind === 'gpus' && lent ? `taken for others: ${lent}` : `${asked.kind} ${asked.subject}`.trim())
}

/** How long terms last; null for good. */
export function lastsOf(terms: Terms): number | null {
  return terms.until === null ? null : terms.until - terms.since
}
