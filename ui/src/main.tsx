import './tokens.css'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Router } from 'wouter'
import { base, queryClient } from './api.ts'
import { App } from './App.tsx'
import { pageOfMlflowAddress } from './mlflow-address.ts'

const page = pageOfMlflowAddress(location.hash)
if (page !== undefined) history.replaceState(null, '', base + page)

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <Router base={base}>
        <App />
      </Router>
    </QueryClientProvider>
  </StrictMode>,
)
