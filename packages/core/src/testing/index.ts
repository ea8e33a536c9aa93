/** Suites that hold for every adapter and every runtime, for people who write one. */
