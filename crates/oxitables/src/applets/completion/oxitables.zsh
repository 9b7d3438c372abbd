#compdef @NAMES@
# Completion of zsh for oxitables and the commands of iptables. Printed by `oxitables completions zsh'.
_oxitables() {
    local line value files
    local -a values shown space
    while IFS= read -r line; do
        case $line in
            $'\tfiles') files=1 ;;
            $'\tnospace') space=(-S '') ;;
            *)
                value=${line%%$'\t'*}
                values+=("$value")
                if [[ $line == *$'\t'* ]]; then
                    shown+=("$value -- ${line#*$'\t'}")
                else
                    shown+=("$value")
                fi
                ;;
        esac
    done < <(oxitables complete zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2> /dev/null)
    (( $#values )) && compadd -l -d shown "${space[@]}" -a values
    [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _oxitables ]]; then
    _oxitables "$@"
else
    compdef _oxitables @NAMES@
fi
