import { useEffect, useSyncExternalStore } from 'react'

/** Something that can be done from where somebody is; the palette has it as long as the screen shows it. */
export interface Act {
  readonly said: string
  readonly go: () => void
}

let offered: readonly (readonly Act[])[] = []
let all: readonly Act[] = []
const heard = new Set<() => void>()

function become(these: readonly (readonly Act[])[]): void {
  offered = these
  all = these.flat()
  for (const each of heard) each()
}

/** Offer acts while a screen is there: those that whoever looks may do, and no others. */
export function useActs(acts: readonly Act[]): void {
  const words = acts.map((each) => each.said).join('\n')
  useEffect(() => {
    become([...offered, acts])
    return () => become(offered.filter((each) => each !== acts))
    // The same words mean the same acts.
  }, [words])
}

export function useOffered(): readonly Act[] {
  return useSyncExternalStore(
    (hear) => {
      heard.add(hear)
      return () => heard.delete(hear)
    },
    () => all,
  )
}
