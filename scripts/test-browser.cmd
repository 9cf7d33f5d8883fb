@echo off
rem Sets up what is missing; see tasks.py.  py is the launcher that comes with Python for Windows.
py -3 "%~dp0tasks.py" test-browser %*
