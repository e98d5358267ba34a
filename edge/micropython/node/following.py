"""Following: the node takes on what the platform has set, after `node.overlay` has found it right."""


def follow(agent, report, every, windows):
    """Set the intervals and statistics of the agent; what is not named here is as in its own settings."""
    agent.report = agent.own_report if report is None else report
    for sensor in agent.sensors:
        sensor.every = every.get(sensor.name, sensor.settings["every"])
        sensor.due = min(sensor.due, agent.clock.mono + sensor.every)
    for channel in agent.all_channels():
        window, named = windows.get(channel.name, channel.own)
        if window != channel.interval or named != channel.statistics:
            channel.cut()
            channel.set(window, named)
