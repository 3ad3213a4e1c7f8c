import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'

/** What each key does, for whoever asks. */
export const KEYS: readonly (readonly [string, string])[] = [
  ['Ctrl K', 'search, or go anywhere'],
  ['j, k', 'down and up in a list'],
  ['Enter', 'open what is marked'],
  ['x', 'select it'],
  ['g j', 'jobs'],
  ['g r', 'requests'],
  ['g h', 'home'],
  ['g o', 'overview'],
  ['g f', 'fleet'],
  ['g a', 'accelerators'],
  ['g q', 'queues'],
  ['c', 'submit a job'],
  ['Esc', 'leave'],
  ['?', 'this list'],
]

/** Keys that count wherever somebody is, unless he writes. */
export function useKeys({ palette, help, may }: { palette: () => void; help: () => void; may: (permission: string) => boolean }): void {
  const navigate = useNavigate()
  const goes = useRef(0)
  useEffect(() => {
    function pressed(event: KeyboardEvent): void {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        palette()
        return
      }
      if (event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return
      const going = Date.now() - goes.current < 1000
      goes.current = 0
      if (event.key === '?') help()
      else if (going && event.key === 'j') void navigate({ to: '/jobs' })
      else if (going && event.key === 'r') void navigate({ to: '/requests' })
      else if (going && event.key === 'h') void navigate({ to: '/' })
      else if (going && event.key === 'o') void navigate({ to: '/overview' })
      else if (going && event.key === 'f') void navigate({ to: '/fleet' })
      else if (going && event.key === 'a') void navigate({ to: '/accelerators' })
      else if (going && event.key === 'q') void navigate({ to: '/queues' })
      else if (event.key === 'g') goes.current = Date.now()
      else if (event.key === 'c' && may('submit')) void navigate({ to: '/submit' })
      else return
      event.preventDefault()
      event.stopImmediatePropagation()
    }
    window.addEventListener('keydown', pressed, { capture: true })
    return () => window.removeEventListener('keydown', pressed, { capture: true })
  }, [navigate, palette, help, may])
}

export function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
}
