import type { NavigateOptions } from '@tanstack/react-router'
import type { CauseLine, ClusterState, DeclaredTeam, QueueStanding, WasteEntry } from '../answers/documents'
import type { GrantRequest, TeamGrant } from '../api/schema'
import { GRANT, REQUEST, type StateLook } from '../words/states'
import { thingOf } from '../words/terms'

/** Kinds of things that are found by their names, in the order in which they are told. */
export const THINGS = ['Teams', 'Requests', 'Grants', 'Queues', 'Clusters', 'Nodes', 'Causes'] as const
export type ThingKind = (typeof THINGS)[number]

/** Something that has a name, and a place where it is looked at. */
export interface Thing {
  readonly key: string
  readonly kind: ThingKind
  /** By which it is known first of all, in small letters. */
  readonly name: string
  readonly said: string
  /** What a search looks into. */
  readonly words: string
  readonly state: StateLook | null
  readonly to: NavigateOptions
}

/** What is known of all that has a name; what was not told, or may not be seen, is absent. */
export interface KnownThings {
  readonly teams?: readonly DeclaredTeam[] | undefined
  readonly asked?: readonly GrantRequest[] | undefined
  readonly given?: readonly TeamGrant[] | undefined
  readonly queues?: readonly QueueStanding[] | undefined
  readonly clusters?: readonly ClusterState[] | undefined
  readonly entries?: readonly WasteEntry[] | undefined
  readonly causes?: readonly CauseLine[] | undefined
}

type Bare = Omit<Thing, 'key' | 'kind' | 'name' | 'words'> & { readonly id: string; readonly name: string; readonly also?: readonly (string | null | undefined)[] }

function thing(kind: ThingKind, { id, name, also = [], ...more }: Bare): Thing {
  return { ...more, kind, key: `${kind} ${id}`, name: name.toLowerCase(), words: [more.said, id, ...also].join(' ').toLowerCase() }
}

/** All that has a name, ready to be looked into; that is done once for what was told, and not for every letter. */
export function thingsOf(known: KnownThings): readonly Thing[] {
  const granted = new Set(known.given?.map((each) => each.id))
  const nodes = new Map((known.entries ?? []).map((each) => [`${each.cluster}/${each.node}`, each]))
  return [
    ...(known.teams ?? []).map((each) =>
      thing('Teams', {
        id: each.name,
        name: each.name,
        said: each.displayName && each.displayName !== each.name ? `${each.name} · ${each.displayName}` : each.name,
        also: [each.id, each.costCenter],
        state: null,
        to: { to: '/teams/$team', params: { team: each.name } },
      }),
    ),
    ...(known.asked ?? [])
      // What was granted is told of as it stands.
      .filter((each) => !granted.has(each.id))
      .map((each) =>
        thing('Requests', {
          id: each.id,
          name: each.id,
          said: `${thingOf(each.wish, each.terms)} for ${each.wish.team} · ${each.id}`,
          also: [each.requester],
          state: REQUEST[each.state],
          to: { to: '/requests/$id', params: { id: each.id } },
        }),
      ),
    ...(known.given ?? []).map((each) =>
      thing('Grants', {
        id: each.id,
        name: each.id,
        said: `${thingOf(each, each.terms)} of ${each.team} · ${each.id}`,
        also: [each.requester],
        state: GRANT[each.state],
        to: { to: '/requests/$id', params: { id: each.id } },
      }),
    ),
    ...(known.queues ?? []).map((each) =>
      thing('Queues', {
        id: `${each.cluster}/${each.clusterQueue}`,
        name: each.clusterQueue,
        said: `${each.clusterQueue} · ${each.cluster}`,
        also: [each.cohort],
        state: null,
        to: { to: '/queues', search: { q: each.clusterQueue, cluster: each.cluster } },
      }),
    ),
    ...(known.clusters ?? []).map((each) =>
      thing('Clusters', { id: each.name, name: each.name, said: each.name, also: [each.purpose, each.environment], state: null, to: { to: '/clusters', search: { q: each.name } } }),
    ),
    ...[...nodes].map(([key, each]) =>
      thing('Nodes', { id: key, name: each.node, said: `${each.node} · ${each.cluster}`, also: [each.model], state: null, to: { to: '/fleet', search: { node: key, q: each.node } } }),
    ),
    ...(known.causes ?? []).map((each) =>
      thing('Causes', { id: each.code, name: each.code, said: `${each.code} · ${each.title}`, also: [each.id], state: null, to: { to: '/help/$code', params: { code: each.code } } }),
    ),
  ]
}

export interface FoundThings {
  readonly kind: ThingKind
  /** What is called so first. */
  readonly things: readonly Thing[]
  /** How many there are besides. */
  readonly more: number
}

/** Things in which all words are found, kind by kind: what is called exactly so first, then what begins so. */
export function findThings(things: readonly Thing[], text: string, most: number): readonly FoundThings[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const [first = ''] = words
  if (!first) return []
  const found = Object.fromEntries(THINGS.map((kind) => [kind, { number: 0, ranks: [[], [], []] as [Thing[], Thing[], Thing[]] }]))
  const hit = (said: string) => {
    for (const word of words) if (!said.includes(word)) return false
    return true
  }
  for (const each of things) {
    if (!hit(each.words)) continue
    const there = found[each.kind]
    if (!there) continue
    there.number += 1
    const rank = there.ranks[each.name === first ? 0 : each.name.startsWith(first) ? 1 : 2]
    // No more are kept than are told.
    if (rank.length < most) rank.push(each)
  }
  return THINGS.flatMap((kind) => {
    const { number, ranks } = found[kind] ?? { number: 0, ranks: [] }
    return number ? [{ kind, things: ranks.flat().slice(0, most), more: Math.max(0, number - most) }] : []
  })
}
