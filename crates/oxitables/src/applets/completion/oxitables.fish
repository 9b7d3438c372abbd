# Completion of fish for oxitables and the commands of iptables. Printed by `oxitables completions fish'.
function __oxitables_complete
    set -l current (commandline -ct)
    test (count $current) -eq 0; and set current ''
    for line in (oxitables complete fish -- (commandline -opc) "$current" 2> /dev/null)
        switch $line
            case \tfiles
                __fish_complete_path "$current"
            case \tnospace
            case '*'
                printf '%s\n' $line
        end
    end
end
for name in @NAMES@
    complete -c $name -f -a '(__oxitables_complete)'
end
