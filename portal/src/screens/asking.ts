import { useNavigate } from '@tanstack/react-router'
import { ask } from '../api/queries'
import type { AskedRequest } from '../api/schema'
import { sayTrouble } from '../parts/toasts'

/** Asks, and goes to the request; what is wrong with it is told where the form stays. */
export function useAsking(): (wanted: AskedRequest | null) => Promise<void> {
  const navigate = useNavigate()
  return async (wanted) => {
    if (!wanted) return
    try {
      const request = await ask(wanted)
      await navigate({ to: '/requests/$id', params: { id: request.id } })
    } catch (error) {
      sayTrouble(error)
    }
  }
}
