//! Every want for real. These change the machine they run on; tests/e2e runs them inside a disposable host.
