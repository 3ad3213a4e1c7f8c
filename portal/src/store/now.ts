import { useSyncExternalStore } from 'react'

/** The present, which moves on once a second while somebody looks at the page. */
let now = Date.now()
const heard = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

function tick(): void {
  if (document.hidden) return
  now = Date.now()
  for (const each of heard) each()
}

function subscribe(hear: () => void): () => void {
  heard.add(hear)
  now = Date.now()
  timer ??= setInterval(tick, 1000)
  return () => {
    heard.delete(hear)
    if (heard.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

/** The present in steps, so that what is said in minutes is not made anew each second. */
export function useNow(step: number = 1000): number {
  return useSyncExternalStore(subscribe, () => Math.floor(now / step) * step)
}
