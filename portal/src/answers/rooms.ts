import type { Room } from './documents'
import { type Amounts, nothing } from './slots'

/** One class of accelerators in all clusters together. */
export interface RoomSum {
  readonly accelerator: string
  readonly total: number
  readonly free: number
  readonly amounts: Amounts
  /** Where some are free, the most first. */
  readonly places: readonly { readonly cluster: string; readonly free: number }[]
}

export function amountsOfRoom(room: Room): Amounts {
  const idle = room.idleHeld ?? 0
  return {
    ...nothing(),
    [room.idleHeld === null ? 'unmeasured' : 'used']: room.used - idle,
    idle,
    free: room.free,
    broken: room.total - room.healthy,
    closed: Math.max(0, room.healthy - room.used - room.free),
  }
}

/** What there is of each class; of which most is free comes first. */
export function roomSums(rooms: readonly Room[]): readonly RoomSum[] {
  const found = new Map<string, RoomSum>()
  for (const each of rooms) {
    const { accelerator, cluster, free } = each
    const before = found.get(accelerator) ?? { accelerator, total: 0, free: 0, amounts: nothing(), places: [] }
    found.set(accelerator, {
      accelerator,
      total: before.total + each.total,
      free: before.free + free,
      amounts: added(before.amounts, amountsOfRoom(each)),
      places: free > 0 ? placed(before.places, cluster, free) : before.places,
    })
  }
  return [...found.values()].sort((a, b) => b.free - a.free || (a.accelerator < b.accelerator ? -1 : 1))
}

function added(one: Amounts, other: Amounts): Amounts {
  return Object.fromEntries(Object.entries(one).map(([kind, value]) => [kind, value + other[kind as keyof Amounts]])) as Record<keyof Amounts, number>
}

/** A cluster may have the same class by several resources, such as whole devices and parts of them. */
function placed(places: RoomSum['places'], cluster: string, free: number): RoomSum['places'] {
  const there = places.find((each) => each.cluster === cluster)?.free ?? 0
  return [...places.filter((each) => each.cluster !== cluster), { cluster, free: there + free }].sort((a, b) => b.free - a.free)
}
