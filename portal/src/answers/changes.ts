import type { QueueStanding } from './documents'

/** Kinds of changes that `allot whatif` tries on a cluster, with what each is of and whether it has an amount. */
export const CHANGE_KINDS = {
  quota: { said: 'another guarantee', of: 'quota', amount: 'devices, such as 16' },
  borrowing: { said: 'another borrowing limit', of: 'quota', amount: 'devices, or none' },
  lending: { said: 'another lending limit', of: 'quota', amount: 'devices, or none' },
  weight: { said: 'another weight', of: 'queue', amount: 'a number, such as 2' },
  hold: { said: 'the queue admits nobody', of: 'queue', amount: '' },
  resume: { said: 'the stopped queue admits again', of: 'queue', amount: '' },
  drain: { said: 'a node is drained', of: 'node', amount: '' },
  cordon: { said: 'a node takes no more', of: 'node', amount: '' },
  'drop-node': { said: 'without a node', of: 'node', amount: '' },
  'add-node': { said: 'a further node', of: 'node', amount: 'a node that it is like' },
  policy: { said: 'another policy', of: 'policy', amount: '' },
} as const

export type ChangeKind = keyof typeof CHANGE_KINDS

export const POLICIES = ['classical', 'fair-sharing', 'strict-fifo', 'best-effort-fifo', 'no-preemption', 'reclaim'] as const

/** The change in the words of the command line; empty while something is missing. */
export function changeWord(kind: ChangeKind, subject: string, amount: string): string {
  const { amount: needs } = CHANGE_KINDS[kind]
  const of = subject.trim()
  const value = amount.trim()
  if (!of || /\s/.test(of) || (needs && (!value || /\s/.test(value)))) return ''
  return needs ? `${kind}:${of}=${value}` : `${kind}:${of}`
}

/** A change as people say it: `hold:nlp` is `nlp: the queue admits nobody`; what is none of the kinds stays as it is typed. */
export function changeSaid(word: string): string {
  const [, kind, of, amount] = /^([a-z-]+):([^=]+)(?:=(.+))?$/.exec(word) ?? []
  const known = Object.entries(CHANGE_KINDS).find(([each]) => each === kind)
  if (!known || !of) return word
  return `${of}: ${known[1].said}${amount ? `, ${amount}` : ''}`
}

/** Changes of an address, in their order, none twice. */
export function changesIn(said: string | undefined): readonly string[] {
  return [...new Set((said ?? '').split(/\s+/).filter(Boolean))]
}

/** What a change can be about in a cluster. */
export function subjectsOf(kind: ChangeKind, queues: readonly QueueStanding[], nodes: readonly string[]): readonly string[] {
  switch (CHANGE_KINDS[kind].of) {
    case 'quota':
      return queues.flatMap((each) => each.quotas.map((use) => `${each.clusterQueue}/${use.flavor}/${use.resource}`))
    case 'queue':
      return queues.map((each) => each.clusterQueue)
    case 'node':
      return nodes
    case 'policy':
      return POLICIES
  }
}
