# Part of ciab: who comes to a console or logs in while this machine is being installed sees it, each one all of it.
# Ctrl-C leads to the shell and ends nothing but the view.
if [ -t 1 ]; then
  installs() {
    [ "$(systemctl show --property=ActiveState --value ciab-install)" = active ]
  }
  while installs && [ ! -s /var/lib/ciab/events.jsonl ]; do
    sleep 1
  done
  if installs; then
    ciab logs --follow --box /root/box.yaml --set access.target=local
  fi
  unset -f installs
fi
