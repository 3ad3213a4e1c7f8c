import { count } from '../words/format'
import type { Evidence, Why } from './why'

/** Names of facts that are ports: numbers that nobody counts with. */
const PORT = /(?:^|[^a-z]|host|node|container|target)_?ports?(?![a-z])/i

/** A value as it is read: numbers with their groups, what is made of parts with its parts. */
export function valueSaid(value: unknown, name = ''): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number') return PORT.test(name) ? String(value) : count(value)
  if (Array.isArray(value)) return value.map((each) => valueSaid(each, name)).join(', ')
  if (typeof value === 'object')
    return Object.entries(value)
      .map(([part, each]) => `${part} ${valueSaid(each, part)}`)
      .join(', ')
  return String(value)
}

/** Facts with their names in words; what is none, or not known, says nothing. */
export function factsSaid({ facts, evidence }: Pick<Why, 'facts' | 'evidence'>): readonly (readonly [name: string, said: string])[] {
  // A sentence that stands in the evidence is told there.
  const seen = new Set(evidence.map((each) => each.value).filter((each) => typeof each === 'string' && each.includes(' ')))
  return Object.entries(facts).flatMap(([name, value]) => {
    const said = seen.has(value) ? '' : valueSaid(value, name)
    return said ? [[name.replaceAll('_', ' '), said] as const] : []
  })
}

/** Nodes that a cause names, by its facts or by what it rests on. */
export function nodesNamed({ facts, evidence }: Pick<Why, 'facts' | 'evidence'>): readonly string[] {
  const told = [facts['node'], facts['nodes'], facts['nodes_to_mend']].flat().filter((each) => typeof each === 'string' && each !== '')
  const read = evidence.filter(({ object }) => object.kind === 'Node').map(({ object }) => object.name)
  return [...new Set([...(told as string[]), ...read])]
}

/** Where the thing is looked at that something was read of; null where there is no such screen. */
export function screenOf({ object: { kind, name } }: Evidence, cluster: string | null) {
  const there = cluster ? { cluster } : {}
  switch (kind) {
    case 'Node':
      return { to: '/fleet', search: { q: name, ...there, ...(cluster ? { node: `${cluster}/${name}` } : {}) } } as const
    case 'ClusterQueue':
      return { to: '/queues', search: { q: name, ...there } } as const
    case 'ResourceFlavor':
      return { to: '/queues', search: { accelerator: name, ...there } } as const
    default:
      return null
  }
}
