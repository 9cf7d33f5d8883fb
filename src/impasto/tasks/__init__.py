"""The things people do: the only place where encoders, objectives, solvers and schedules are wired together."""
