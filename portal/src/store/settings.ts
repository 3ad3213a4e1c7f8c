import { useSyncExternalStore } from 'react'
import type { Zone } from '../words/format'

/** What somebody has chosen on this browser. */
interface Settings {
  readonly zone: Zone
  readonly theme: 'system' | 'light' | 'dark'
  readonly logTimes: boolean
  readonly logWraps: boolean
}

const KEPT = 'allotment.settings'
const USUAL: Settings = { zone: 'local', theme: 'system', logTimes: true, logWraps: false }
let settings: Settings = read()
const heard = new Set<() => void>()

function read(): Settings {
  try {
    return { ...USUAL, ...(JSON.parse(localStorage.getItem(KEPT) ?? '{}') as Partial<Settings>) }
  } catch {
    return USUAL
  }
}

export function choose(some: Partial<Settings>): void {
  settings = { ...settings, ...some }
  localStorage.setItem(KEPT, JSON.stringify(settings))
  showTheme()
  for (const each of heard) each()
}

export function showTheme(): void {
  if (settings.theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = settings.theme
}

function subscribe(hear: () => void): () => void {
  heard.add(hear)
  return () => heard.delete(hear)
}

export function useSettings(): Settings {
  return useSyncExternalStore(subscribe, () => settings)
}

export function useZone(): Zone {
  return useSyncExternalStore(subscribe, () => settings.zone)
}
