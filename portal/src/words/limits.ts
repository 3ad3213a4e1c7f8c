import type { Alarm } from '../answers/documents'
import type { StateLook } from './states'

/** How near a limit is, in the words of `allot quotas`; of each the percentage from which it holds. */
export const ALARM: Readonly<Record<Alarm, StateLook & { readonly from: number }>> = {
  none: { word: 'room is left', tone: 'over', shape: 'check', from: 0 },
  increase: { word: 'file an increase', tone: 'quiet', shape: 'ring', from: 60 },
  warning: { word: 'warning', tone: 'wait', shape: 'half', from: 80 },
  stop: { word: 'one job from the stop', tone: 'bad', shape: 'cross', from: 95 },
}

/** Where nothing is left, that is said. */
export const NOTHING_LEFT: StateLook = { word: 'nothing is left', tone: 'bad', shape: 'cross' }

/** Layers of limits: work goes through the first, then the second, and the third is their sum. */
export const LAYERS: Readonly<Record<string, { readonly word: string; readonly means: string }>> = {
  namespace: { word: 'Namespaces', means: 'what a ResourceQuota lets into a namespace' },
  queue: { word: 'Queues', means: 'what a queue may have of a flavor, with what it can borrow' },
  team: { word: 'Teams', means: 'the sum of a team’s namespaces' },
}

const RESOURCES: Readonly<Record<string, string>> = {
  cpu: 'CPU',
  memory: 'memory',
  'ephemeral-storage': 'disk',
  'nvidia.com/gpu': 'GPUs',
}

/** Of what a limit is: `limits.memory` is what memory may grow to, `requests.memory` and `memory` what is asked for. */
export function resourceWord(resource: string): string {
  const base = resource.replace(/^(requests|limits)\./, '')
  const word = RESOURCES[base] ?? base
  return resource.startsWith('limits.') ? `${word}, at most` : word
}

/** The resource by which its amounts are counted. */
export function baseOf(resource: string): string {
  return resource.replace(/^(requests|limits)\./, '')
}
