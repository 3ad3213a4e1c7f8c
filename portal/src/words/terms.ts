import type { Terms } from '../api/schema'
import { count } from './format'

/** Devices of terms, such as `16 a100 in east, west`; empty where they are of none. */
export function devicesOf(terms: Terms): string {
  const devices = terms.shares.reduce((sum, each) => sum + each.devices, 0)
  if (!devices) return ''
  const flavors = [...new Set(terms.shares.map((each) => each.flavor))].join(', ')
  const clusters = [...new Set(terms.shares.map((each) => each.cluster))].join(', ')
  return `${count(devices)} ${flavors} in ${clusters}`
}
