import type { Saturation, ShortThing } from './documents'

const QUOTA = 'quota '

/** What can be out where accelerators stand, in the order in which it is shown. */
export const THINGS = ['devices', 'cpu', 'memory', 'ephemeral-storage', 'pods', 'quota'] as const
export type Thing = (typeof THINGS)[number]

/** Which of them something is; null for what has no place of its own. */
export function thingNamed(name: string, resource: string): Thing | null {
  if (name === resource) return 'devices'
  if (name === `${QUOTA}${resource}`) return 'quota'
  return THINGS.find((each) => each === name) ?? null
}

/** What of an accelerator's surroundings is meant; null where nobody told of it. */
export function thingOf(of: Saturation, thing: Thing): ShortThing | null {
  return of.things.find((each) => thingNamed(each.name, of.resource) === thing) ?? null
}

/** Whether something else than the devices is out first: then devices are left that nobody can take. */
export function isHeldUp(of: Saturation): boolean {
  return of.outFirst !== null && of.outFirst !== of.resource
}
